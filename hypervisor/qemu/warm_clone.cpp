#include "hypervisor/qemu/warm_clone.hpp"

#include <poll.h>
#include <signal.h>

#include "hypervisor/qemu/identity.hpp"
#include "hypervisor/qemu/launch_parts.hpp"
#include "hypervisor/qemu/qcow2.hpp"

namespace platen::hypervisor::qemu {

namespace fs = std::filesystem;

namespace {

constexpr int kill_limit_ms = 30'000;

}  // namespace

tl::expected<launched_warm, failure> launch_warm(vm_host& host, const std::string& snapshot_id) {
  auto snapshot = open_snapshot(host, snapshot_id);
  if (!snapshot) return tl::unexpected(snapshot.error());
  vm_record record;
  record.vm = {"warm-" + random_uuid(), 1};
  record.pool_name = process_name(record.vm);
  record.origin = vm_origin::cloned;
  record.snapshot_id = snapshot_id;
  record.facts = facts_of_clone(*snapshot, record.vm, purpose::instance, snapshot->content.roms);
  auto building = directory_under_construction::make(host.pool_folder / directory_name(record.vm));
  if (!building) return fail(stage::disk, building.error());
  const auto& directory = building->path();
  const auto overlay = create_overlay(directory / disk_name, snapshot->content.disk_virtual_bytes);
  if (!overlay) return fail(stage::disk, overlay.error());
  if (const auto drive = write_rom_drive(directory, snapshot->content.roms, first_rom_fd); !drive)
    return fail(stage::disk, drive.error());
  auto vm =
      start_from_saved(host, directory, std::move(record), *snapshot, numbers(snapshot->roms), {});
  if (!vm) return tl::unexpected(vm.error());
  building->keep();
  return launched_warm{std::move(*vm), snapshot->content.replaceable};
}

tl::expected<named_clone, failure> become_vm(vm_host& host, const clone_order& order,
                                             const fs::path& path, vm_record record) {
  // Its memory is read from the snapshot's file as the guest goes on.
  const auto snapshot = open_snapshot(host, order.snapshot_id);
  if (!snapshot) return tl::unexpected(snapshot.error());
  auto roms = open_roms(*host.options.roms, order.roms, snapshot->content.roms);
  if (!roms) return fail(stage::disk, roms.error());
  const auto inherited = snapshot->content.roms.size();
  for (std::size_t i = 0; i < roms->files.size(); ++i)
    if (const auto kept = link_or_copy(roms->files[i].get(), path / rom_file_name(inherited + i));
        !kept)
      return fail(stage::disk, kept.error());
  if (!roms->added.empty())
    if (const auto drive = write_rom_drive_of_files(path, roms->all); !drive)
      return fail(stage::disk, drive.error());

  record.vm = order.vm;
  record.generation_id = random_uuid();
  record.facts = facts_of_clone(*snapshot, order.vm, order.why, std::move(roms->all));
  if (const auto written = write_record(path, record); !written)
    return fail(stage::disk, written.error());
  const auto place = vm_directory(host, order.vm);
  if (::rename(path.c_str(), place.c_str()) != 0)
    return fail(stage::disk, system_error_sentence("move", path));
  return named_clone{std::move(record), std::move(roms->added)};
}

void empty_pool(const fs::path& pool) {
  std::error_code ignored;
  std::vector<fs::path> folders;
  std::vector<process> ended;
  for (const auto& entry : fs::directory_iterator(pool, ignored)) {
    folders.push_back(entry.path());
    const auto record = read_record(entry.path());
    auto qemu = record ? find_process(entry.path(), *record) : std::nullopt;
    if (!qemu) continue;
    qemu->signal(SIGKILL);
    ended.push_back(std::move(*qemu));
  }
  for (const auto& qemu : ended) {
    pollfd gone{qemu.pidfd(), POLLIN, 0};
    ::poll(&gone, 1, kill_limit_ms);
    qemu.collect();
  }
  for (const auto& folder : folders)
    end_leftover(folder);
}

}  // namespace platen::hypervisor::qemu
