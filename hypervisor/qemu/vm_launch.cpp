// How a VM's directory is filled and QEMU started in it: for a boot, a clone, a resume.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/identity.hpp"
#include "hypervisor/qemu/launch_parts.hpp"
#include "hypervisor/qemu/qcow2.hpp"
#include "hypervisor/qemu/vm_files.hpp"

namespace platen::hypervisor::qemu {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mebibyte = 1 << 20;
// A disk of this size is copied in less time than QEMU takes to start.
constexpr std::uint64_t copied_disk_limit = 16 * mebibyte;
// Each overlay makes the guest's reads a little slower, and takes a descriptor.
constexpr std::size_t layers_limit = 32;

tl::expected<unique_fd, std::string> take_base_disk(const fs::path& disk,
                                                    const fs::path& directory) {
  const auto own_name = directory / base_disk_name;
  if (::link(disk.c_str(), own_name.c_str()) != 0) {
    if (errno != EXDEV) return tl::unexpected(system_error_sentence("link the image's disk", disk));
    std::error_code error;
    fs::copy_file(disk, own_name, error);
    if (error) return tl::unexpected("cannot copy " + disk.string() + ": " + error.message());
  }
  return open_file(own_name, O_RDONLY);
}

manifest facts_of_boot(const vm_host& host, const host_facts& now, const boot_order& order,
                       const image& image) {
  manifest facts;
  facts.created_at = wall_clock_text();
  facts.made_by = order.vm;
  facts.qemu_version = now.qemu_version;
  facts.qemu_sha256 = now.qemu_sha256;
  facts.machine = {now.accelerator, order.spec.memory_mb, order.spec.vcpus};
  facts.cpu_model = cpu_model(facts.machine);
  facts.devices = guest_visible_arguments(facts.machine);
  facts.devices_sha256 = sha256_hex(facts.devices);
  facts.host_cpu = now.cpu;
  facts.host_kernel = now.kernel;
  facts.replaceable = order.why == purpose::template_preparation;
  facts.agent_protocol = guest::protocol_version;
  facts.image = image.name;
  facts.image_digest = image.digest;
  facts.kernel_sha256 = host.bundle.kernel_sha256;
  facts.initramfs_sha256 = host.bundle.initramfs_sha256;
  facts.append = host.bundle.append;
  facts.disk_virtual_bytes = image.size_bytes;
  return facts;
}

}  // namespace

tl::expected<launched_vm, failure> launch_boot(vm_host& host, const boot_order& order) {
  const auto image = host.options.images->find(order.spec.image);
  if (!image) return fail(stage::image, image.error());
  if (image->config.entrypoint.empty() && image->config.cmd.empty() && order.spec.args.empty())
    return fail(stage::image, "the image " + image->name +
                                  " does not say what to start, and no arguments were given");
  const auto facts = host.facts_now();
  if (!facts) return fail(stage::boot, facts.error());
  auto building = directory_under_construction::make(vm_directory(host, order.vm));
  if (!building) return fail(stage::disk, building.error());
  const auto& directory = building->path();

  const auto base = take_base_disk(image->disk, directory);
  if (!base) return fail(stage::disk, base.error());
  const auto overlay = create_overlay(directory / disk_name, image->size_bytes);
  if (!overlay) return fail(stage::disk, overlay.error());
  const auto roms = open_roms(*host.options.roms, order.spec.roms, {});
  if (!roms) return fail(stage::disk, roms.error());
  if (const auto drive = write_rom_drive(directory, roms->all, first_rom_fd); !drive)
    return fail(stage::disk, drive.error());

  vm_record record;
  record.vm = order.vm;
  record.why = order.why;
  record.facts = facts_of_boot(host, *facts, order, *image);
  record.facts.roms = roms->all;
  boot_files files{host.bundle.kernel, host.bundle.initramfs, host.bundle.append};
  if (order.why == purpose::template_preparation) {
    files.memory_in_file = true;
    const auto memory =
        create_sparse_file(directory / memory_name, order.spec.memory_mb * mebibyte);
    if (!memory) return fail(stage::disk, memory.error());
  }
  if (const auto kept = keep_layers_and_roms(directory, {}, numbers(roms->files)); !kept)
    return fail(stage::disk, kept.error());
  const auto argv = boot_command_line(record.facts.machine,
                                      host_side_of(host, order.vm, order.spec.guest_ports), files);
  std::vector<int> inherited{base->get()};
  append(inherited, numbers(roms->files));
  auto vm = start_qemu(host, directory, std::move(record), argv, inherited);
  if (!vm) return vm;
  vm->added_roms = roms->added;
  vm->workload = image->config;
  building->keep();
  return vm;
}

tl::expected<launched_vm, failure> launch_clone(vm_host& host, const clone_order& order) {
  auto snapshot = open_snapshot(host, order.snapshot_id);
  if (!snapshot) return tl::unexpected(snapshot.error());
  auto building = directory_under_construction::make(vm_directory(host, order.vm));
  if (!building) return fail(stage::disk, building.error());
  const auto& directory = building->path();

  const auto overlay = create_overlay(directory / disk_name, snapshot->content.disk_virtual_bytes);
  if (!overlay) return fail(stage::disk, overlay.error());
  const auto roms = open_roms(*host.options.roms, order.roms, snapshot->content.roms);
  if (!roms) return fail(stage::disk, roms.error());
  if (const auto drive = write_rom_drive(directory, roms->all, first_rom_fd); !drive)
    return fail(stage::disk, drive.error());
  auto rom_files = numbers(snapshot->roms);
  append(rom_files, numbers(roms->files));

  vm_record record;
  record.vm = order.vm;
  record.why = order.why;
  record.origin = vm_origin::cloned;
  record.snapshot_id = order.snapshot_id;
  record.generation_id = random_uuid();
  record.facts = facts_of_clone(*snapshot, order.vm, order.why, roms->all);
  auto vm =
      start_from_saved(host, directory, std::move(record), *snapshot, rom_files, order.guest_ports);
  if (!vm) return vm;
  vm->added_roms = roms->added;
  building->keep();
  return vm;
}

namespace {

// The writable disk of a VM that goes on, while the suspended one's stays as it is: a copy of it,
// shared where the file system can, as long as that takes no time to speak of; otherwise a new
// overlay on it. Returns whether it is a copy.
tl::expected<bool, std::string> continue_disk(const fs::path& directory,
                                              const verified_snapshot& saved) {
  const int disk = saved.layers.back().get();
  const auto own = directory / disk_name;
  struct stat status {};
  if (::fstat(disk, &status) != 0) return tl::unexpected(system_error_sentence("look at", own));
  const bool is_small = static_cast<std::uint64_t>(status.st_blocks) * 512 <= copied_disk_limit;
  if (is_small || saved.layers.size() >= layers_limit)
    return copy_sparse(disk, own).map([] { return true; });
  if (share_content(disk, own)) return true;
  return create_overlay(own, saved.content.disk_virtual_bytes).map([] { return false; });
}

manifest facts_of_resumed(const verified_snapshot& saved, const vm_ref& vm, bool disk_was_copied) {
  manifest facts = saved.content;
  facts.snapshot_id.clear();
  facts.created_at = wall_clock_text();
  facts.made_by = vm;
  if (!disk_was_copied) facts.layers.push_back(saved.content.disk);
  return facts;
}

// Its logs go on as well.
void share_logs(const fs::path& from, const fs::path& to) {
  std::error_code ignored;
  for (const auto* log : {console_log_name, output_log_name})
    fs::create_hard_link(from / log, to / log, ignored);
}

}  // namespace

tl::expected<launched_vm, failure> launch_resume(vm_host& host, const resume_order& order) {
  const auto old_place = vm_directory(host, {order.vm.id, order.suspended_attempt});
  const auto damaged = [](const std::string& reason) {
    return tl::unexpected(
        failure{stage::verify, "the suspended VM cannot be resumed: " + reason, true});
  };
  const auto old_record = read_record(old_place);
  if (!old_record) return damaged(old_record.error());
  const auto facts = host.facts_now();
  if (!facts) return fail(stage::resume, facts.error());
  const auto saved = host.snapshots.open_sealed(old_place, *facts);
  if (!saved) {
    // A host that has what it was made with can resume it yet: it is not given up.
    if (saved.error().stale)
      return fail(stage::resume, "the suspended VM cannot be resumed: " + saved.error().reason);
    auto refusal = damaged(saved.error().reason);
    refusal.value().snapshot_damaged = saved.error().damaged;
    return refusal;
  }
  auto building = directory_under_construction::make(vm_directory(host, order.vm));
  if (!building) return fail(stage::disk, building.error());
  const auto& directory = building->path();
  const auto copied = continue_disk(directory, *saved);
  if (!copied) return fail(stage::disk, copied.error());
  const auto& roms = saved->content.roms;
  if (const auto drive = write_rom_drive(directory, roms, first_rom_fd); !drive)
    return fail(stage::disk, drive.error());
  share_logs(old_place, directory);

  vm_record record;
  record.vm = order.vm;
  record.why = old_record->why;
  record.origin = vm_origin::resumed;
  record.snapshot_id = old_record->snapshot_id;
  record.generation_id = old_record->generation_id;
  record.facts = facts_of_resumed(*saved, order.vm, *copied);
  auto vm = start_from_saved(host, directory, std::move(record), *saved, numbers(saved->roms),
                             order.guest_ports);
  if (vm) building->keep();
  return vm;
}

}  // namespace platen::hypervisor::qemu
