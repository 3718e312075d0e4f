// How a VM's directory is filled and QEMU started in it: for a boot, a clone, a resume.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/identity.hpp"
#include "hypervisor/qemu/qcow2.hpp"
#include "hypervisor/qemu/unix_connection.hpp"
#include "hypervisor/qemu/vm_files.hpp"
#include "hypervisor/rom_rules.hpp"

namespace platen::hypervisor::qemu {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mebibyte = 1 << 20;
// A disk of this size is copied in less time than QEMU takes to start.
constexpr std::uint64_t copied_disk_limit = 16 * mebibyte;
// Each overlay makes the guest's reads a little slower, and takes a descriptor.
constexpr std::size_t layers_limit = 32;

tl::unexpected<failure> fail(stage where, std::string reason) {
  return tl::unexpected(failure{where, std::move(reason), false});
}

// Deletes the directory again unless the VM came to life in it.
class directory_under_construction {
 public:
  static tl::expected<directory_under_construction, std::string> make(fs::path path) {
    if (::mkdir(path.c_str(), 0700) != 0)
      return tl::unexpected(system_error_sentence("make", path));
    return directory_under_construction(std::move(path));
  }
  directory_under_construction(directory_under_construction&& other) noexcept
      : path_(std::exchange(other.path_, {})) {}
  directory_under_construction& operator=(directory_under_construction&&) = delete;
  ~directory_under_construction() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  explicit directory_under_construction(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

// Sockets, logs and QEMU itself: equal for all VMs.
tl::expected<launched_vm, failure> start_qemu(const fs::path& directory, vm_record record,
                                              const std::vector<std::string>& argv,
                                              const std::vector<int>& disks_and_memory) {
  auto directory_fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!directory_fd) return fail(stage::disk, directory_fd.error());
  for (const auto* log : {console_log_name, output_log_name})
    if (auto made = open_file(directory / log, O_WRONLY | O_CREAT | O_APPEND); !made)
      return fail(stage::disk, made.error());
  const auto own_log = open_file(directory / qemu_log_name, O_WRONLY | O_CREAT | O_APPEND);
  if (!own_log) return fail(stage::disk, own_log.error());
  const auto qmp = listen_in(directory_fd->get(), qmp_socket_name);
  if (!qmp) return fail(stage::disk, qmp.error());
  const auto agent = listen_in(directory_fd->get(), agent_socket_name);
  if (!agent) return fail(stage::disk, agent.error());
  // Before QEMU starts: a process without a record would be nobody's.
  if (auto written = write_record(directory, record); !written)
    return fail(stage::disk, written.error());

  spawn_request request;
  request.argv = argv;
  request.working_directory = directory;
  request.output_fd = own_log->get();
  request.inherited = {qmp->get(), agent->get()};
  request.inherited.insert(request.inherited.end(), disks_and_memory.begin(),
                           disks_and_memory.end());
  auto qemu = process::spawn(request);
  if (!qemu) return fail(stage_of_start(record.origin), qemu.error());
  record.pid = qemu->pid();
  record.start_ticks = qemu->start_ticks();
  // If this fails a later daemon still finds the process, by its name and directory.
  static_cast<void>(write_record(directory, record));
  launched_vm vm;
  vm.record = std::move(record);
  vm.qemu = std::move(*qemu);
  vm.directory = std::move(*directory_fd);
  return vm;
}

host_side host_side_of(const vm_host& host, const vm_ref& vm,
                       const std::vector<std::uint16_t>& ports) {
  return {host.options.qemu_binary, process_name(vm), ports};
}

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

manifest facts_of_boot(const vm_host& host, const boot_order& order, const image& image) {
  manifest facts;
  facts.created_at = wall_clock_text();
  facts.made_by = order.vm;
  facts.qemu_version = host.facts.qemu_version;
  facts.qemu_sha256 = host.facts.qemu_sha256;
  facts.machine = {host.facts.accelerator, order.spec.memory_mb, order.spec.vcpus};
  facts.cpu_model = cpu_model(facts.machine);
  facts.devices = guest_visible_arguments(facts.machine);
  facts.devices_sha256 = sha256_hex(facts.devices);
  facts.host_cpu = host.facts.cpu;
  facts.host_kernel = host.facts.kernel;
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

struct opened_roms {
  std::vector<placed_rom> all;    // the template's, then the own ones
  std::vector<placed_rom> added;  // the own ones
  std::vector<unique_fd> files;   // of those added
};

// Finds a VM's own ROMs, and their places behind those its template has on the drive already.
tl::expected<opened_roms, std::string> open_roms(const rom_store& store,
                                                 const std::vector<rom>& wanted,
                                                 const std::vector<placed_rom>& inherited) {
  const auto added = added_roms(wanted, roms_of(inherited));
  if (!added) return tl::unexpected(added.error());
  opened_roms roms;
  roms.all = inherited;
  for (const auto& rom : *added) {
    const auto image = store.find(rom.digest);
    if (!image) return tl::unexpected("ROM " + rom.name + ": " + image.error());
    auto placed = place_rom(roms.all, rom, *image);
    if (!placed) return tl::unexpected(placed.error());
    auto file = open_file(image->path, O_RDONLY);
    if (!file) return tl::unexpected("ROM " + rom.name + ": " + file.error());
    roms.all.push_back(*placed);
    roms.added.push_back(std::move(*placed));
    roms.files.push_back(std::move(*file));
  }
  return roms;
}

std::vector<int> numbers(const std::vector<unique_fd>& files) {
  std::vector<int> list;
  for (const auto& file : files)
    list.push_back(file.get());
  return list;
}

void append(std::vector<int>& to, const std::vector<int>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// Second names for what a snapshot of the VM, or the suspended VM, will consist of: where they come
// from may be deleted meanwhile.
tl::expected<void, std::string> keep_layers_and_roms(const fs::path& directory,
                                                     const std::vector<int>& layers,
                                                     const std::vector<int>& roms) {
  tl::expected<void, std::string> kept;
  for (std::size_t i = 0; kept && i < layers.size(); ++i)
    kept = link_or_copy(layers[i], directory / layer_name(i));
  for (std::size_t i = 0; kept && i < roms.size(); ++i)
    kept = link_or_copy(roms[i], directory / rom_file_name(i));
  return kept;
}

}  // namespace

tl::expected<launched_vm, failure> launch_boot(vm_host& host, const boot_order& order) {
  const auto image = host.options.images->find(order.spec.image);
  if (!image) return fail(stage::image, image.error());
  if (image->config.entrypoint.empty() && image->config.cmd.empty() && order.spec.args.empty())
    return fail(stage::image, "the image " + image->name +
                                  " does not say what to start, and no arguments were given");
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
  record.facts = facts_of_boot(host, order, *image);
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
  auto vm = start_qemu(directory, std::move(record), argv, inherited);
  if (!vm) return vm;
  vm->added_roms = roms->added;
  vm->workload = image->config;
  building->keep();
  return vm;
}

namespace {

tl::expected<void, std::string> keep_for_snapshot(const fs::path& directory,
                                                  const verified_snapshot& below, int layers,
                                                  const std::vector<int>& roms) {
  auto lower = numbers(below.layers);
  lower.resize(static_cast<std::size_t>(layers));
  return link_or_copy(below.base.get(), directory / base_disk_name).and_then([&] {
    return keep_layers_and_roms(directory, lower, roms);
  });
}

// QEMU in the VM's directory, with all it needs to go on from the saved state but its own disk.
tl::expected<launched_vm, failure> start_from_saved(const vm_host& host, const fs::path& directory,
                                                    vm_record record,
                                                    const verified_snapshot& saved,
                                                    const std::vector<int>& roms,
                                                    const std::vector<std::uint16_t>& ports) {
  const inherited_files files{static_cast<int>(roms.size()),
                              static_cast<int>(record.facts.layers.size())};
  if (const auto kept = keep_for_snapshot(directory, saved, files.layers, roms); !kept)
    return fail(stage::disk, kept.error());
  const bool memory_in_file = record.why == purpose::template_preparation;
  if (memory_in_file)
    if (const auto copied = copy_sparse(saved.memory.get(), directory / memory_name); !copied)
      return fail(stage::disk, copied.error());
  const auto argv = clone_command_line(record.facts.machine, host_side_of(host, record.vm, ports),
                                       files, memory_in_file);
  std::vector<int> inherited{saved.base.get()};
  append(inherited, roms);
  auto layers = numbers(saved.layers);
  layers.resize(static_cast<std::size_t>(files.layers));
  append(inherited, layers);
  append(inherited, {saved.memory.get(), saved.state.get()});
  auto vm = start_qemu(directory, std::move(record), argv, inherited);
  if (vm) vm->state_fd = files.state_fd();
  return vm;
}

manifest facts_of_clone(const verified_snapshot& snapshot, const clone_order& order,
                        std::vector<placed_rom> roms) {
  manifest facts = snapshot.content;
  facts.created_at = wall_clock_text();
  facts.made_by = order.vm;
  // What grows on an instance's memory has the kernel that is in there, however often it is made.
  facts.replaceable = snapshot.content.replaceable && order.why == purpose::template_preparation;
  facts.layers.push_back(snapshot.content.disk);
  facts.roms = std::move(roms);
  return facts;
}

}  // namespace

tl::expected<launched_vm, failure> launch_clone(vm_host& host, const clone_order& order) {
  auto snapshot = host.snapshots.open(order.snapshot_id, host.facts);
  if (!snapshot) {
    const auto& refusal = snapshot.error();
    return tl::unexpected(failure{stage::verify, refusal.reason, refusal.damaged || refusal.stale});
  }
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
  record.facts = facts_of_clone(*snapshot, order, roms->all);
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
  const auto saved = host.snapshots.open_sealed(old_place, host.facts);
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
