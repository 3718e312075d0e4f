#include "hypervisor/qemu/launch_parts.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "hypervisor/qemu/identity.hpp"
#include "hypervisor/qemu/unix_connection.hpp"
#include "hypervisor/rom_rules.hpp"

namespace platen::hypervisor::qemu {

namespace fs = std::filesystem;

tl::expected<directory_under_construction, std::string> directory_under_construction::make(
    fs::path path) {
  if (::mkdir(path.c_str(), 0700) != 0) return tl::unexpected(system_error_sentence("make", path));
  return directory_under_construction(std::move(path));
}

directory_under_construction::~directory_under_construction() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

namespace {

constexpr int kill_limit_ms = 30'000;

void end_now(const process& qemu) {
  qemu.signal(SIGKILL);
  pollfd gone{qemu.pidfd(), POLLIN, 0};
  ::poll(&gone, 1, kill_limit_ms);
  qemu.collect();
}

// Between the look at the program and its start an upgrade may have come.
tl::expected<void, std::string> check_program(vm_host& host, const manifest& facts) {
  const auto now = host.qemu.look();
  if (!now) return tl::unexpected(now.error());
  if (now->sha256 != facts.qemu_sha256)
    return tl::unexpected(std::string("QEMU was replaced while the VM was being started"));
  return {};
}

}  // namespace

tl::expected<launched_vm, failure> start_qemu(vm_host& host, const fs::path& directory,
                                              vm_record record,
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
  if (const auto same = check_program(host, record.facts); !same) {
    end_now(*qemu);
    return fail(stage_of_start(record.origin), same.error());
  }
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

tl::expected<launched_vm, failure> start_from_saved(vm_host& host, const fs::path& directory,
                                                    vm_record record,
                                                    const verified_snapshot& saved,
                                                    const std::vector<int>& roms,
                                                    const std::vector<std::uint16_t>& ports) {
  auto layers = numbers(saved.layers);
  layers.resize(record.facts.layers.size());
  const auto kept = link_or_copy(saved.base.get(), directory / base_disk_name).and_then([&] {
    return keep_layers_and_roms(directory, layers, roms);
  });
  if (!kept) return fail(stage::disk, kept.error());
  const bool memory_in_file = record.why == purpose::template_preparation;
  if (memory_in_file)
    if (const auto copied = copy_sparse(saved.memory.get(), directory / memory_name); !copied)
      return fail(stage::disk, copied.error());
  const inherited_files files{static_cast<int>(roms.size()), static_cast<int>(layers.size())};
  const auto argv = clone_command_line(record.facts.machine, host_side_of(host, record.vm, ports),
                                       files, memory_in_file);
  std::vector<int> inherited{saved.base.get()};
  append(inherited, roms);
  append(inherited, layers);
  append(inherited, {saved.memory.get(), saved.state.get()});
  auto vm = start_qemu(host, directory, std::move(record), argv, inherited);
  if (vm) vm->state_fd = files.state_fd();
  return vm;
}

tl::expected<verified_snapshot, failure> open_snapshot(vm_host& host, const std::string& id) {
  const auto facts = host.facts_now();
  if (!facts) return fail(stage::verify, facts.error());
  return host.snapshots.open(id, *facts).map_error([](const snapshot_refusal& refusal) {
    return failure{stage::verify, refusal.reason, refusal.damaged || refusal.stale};
  });
}

manifest facts_of_clone(const verified_snapshot& snapshot, const vm_ref& vm, purpose why,
                        std::vector<placed_rom> roms) {
  manifest facts = snapshot.content;
  facts.created_at = wall_clock_text();
  facts.made_by = vm;
  // What grows on an instance's memory has the kernel that is in there, however often it is made.
  facts.replaceable = snapshot.content.replaceable && why == purpose::template_preparation;
  facts.layers.push_back(snapshot.content.disk);
  facts.roms = std::move(roms);
  return facts;
}

}  // namespace platen::hypervisor::qemu
