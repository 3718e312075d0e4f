#include "hypervisor/qemu/vm_files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/console_text.hpp"
#include "hypervisor/qemu/identity.hpp"
#include "hypervisor/qemu/qcow2.hpp"
#include "hypervisor/qemu/unix_connection.hpp"

namespace platen::hypervisor::qemu {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr int kill_limit_ms = 30'000;

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

// Sockets, logs and QEMU itself: equal for boots and clones.
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
  if (!qemu) return fail(record.is_clone ? stage::clone : stage::boot, qemu.error());
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
  facts.qemu_version = host.facts.qemu_version;
  facts.qemu_sha256 = host.facts.qemu_sha256;
  facts.machine = {host.facts.accelerator, order.spec.memory_mb, order.spec.vcpus};
  facts.cpu_model = cpu_model(facts.machine);
  facts.devices_sha256 = sha256_hex(guest_visible_arguments(facts.machine));
  facts.agent_protocol = guest::protocol_version;
  facts.image = image.name;
  facts.image_digest = image.digest;
  facts.kernel_sha256 = host.bundle.kernel_sha256;
  facts.initramfs_sha256 = host.bundle.initramfs_sha256;
  facts.append = host.bundle.append;
  facts.disk_virtual_bytes = image.size_bytes;
  facts.roms = order.spec.roms;
  return facts;
}

// ROMs the template has already mounted where the clone would mount them.
std::vector<rom> without_inherited(std::vector<rom> wanted, const std::vector<rom>& inherited) {
  std::erase_if(wanted, [&](const rom& rom) {
    return std::any_of(inherited.begin(), inherited.end(), [&](const auto& other) {
      return other.at == rom.at && other.digest == rom.digest;
    });
  });
  return wanted;
}

}  // namespace

fs::path vm_directory(const vm_host& host, const vm_ref& vm) {
  return host.vms / directory_name(vm);
}

tl::expected<launched_vm, failure> launch_boot(vm_host& host, const boot_order& order) {
  const auto image = host.options.images->find(order.spec.image);
  if (!image) return fail(stage::image, image.error());
  auto building = directory_under_construction::make(vm_directory(host, order.vm));
  if (!building) return fail(stage::disk, building.error());
  const auto& directory = building->path();

  const auto base = take_base_disk(image->disk, directory);
  if (!base) return fail(stage::disk, base.error());
  const auto overlay = create_overlay(directory / disk_name, image->size_bytes);
  if (!overlay) return fail(stage::disk, overlay.error());
  const auto drive =
      write_rom_drive(directory / rom_drive_name, {}, order.spec.roms, *host.options.roms);
  if (!drive) return fail(stage::disk, drive.error());

  vm_record record;
  record.vm = order.vm;
  record.why = order.why;
  record.facts = facts_of_boot(host, order, *image);
  record.facts.rom_drive.bytes = drive->used_bytes;
  boot_files files{host.bundle.kernel, host.bundle.initramfs, host.bundle.append};
  if (order.why == purpose::template_preparation) {
    files.memory_in_file = true;
    const auto memory =
        create_sparse_file(directory / memory_name, order.spec.memory_mb * mebibyte);
    if (!memory) return fail(stage::disk, memory.error());
  }
  const auto argv = boot_command_line(record.facts.machine,
                                      host_side_of(host, order.vm, order.spec.guest_ports), files);
  auto vm = start_qemu(directory, std::move(record), argv, {base->get()});
  if (!vm) return vm;
  vm->roms = drive->added;
  vm->workload = image->config;
  building->keep();
  return vm;
}

tl::expected<launched_vm, failure> launch_clone(vm_host& host, const clone_order& order) {
  auto snapshot = host.snapshots.open(order.snapshot_id, host.facts);
  if (!snapshot)
    return tl::unexpected(
        failure{stage::verify, snapshot.error().reason, snapshot.error().damaged});
  auto building = directory_under_construction::make(vm_directory(host, order.vm));
  if (!building) return fail(stage::disk, building.error());
  const auto& directory = building->path();

  const auto overlay = create_overlay(directory / disk_name, snapshot->content.disk_virtual_bytes);
  if (!overlay) return fail(stage::disk, overlay.error());
  const auto own_roms = without_inherited(order.roms, snapshot->content.roms);
  const auto drive = write_rom_drive(directory / rom_drive_name, snapshot->rom_bytes, own_roms,
                                     *host.options.roms);
  if (!drive) return fail(stage::disk, drive.error());

  vm_record record;
  record.vm = order.vm;
  record.is_clone = true;
  record.snapshot_id = order.snapshot_id;
  record.generation_id = random_uuid();
  record.facts = snapshot->content;
  const auto argv =
      clone_command_line(record.facts.machine, host_side_of(host, order.vm, order.guest_ports));
  auto vm = start_qemu(
      directory, std::move(record), argv,
      {snapshot->base.get(), snapshot->disk.get(), snapshot->memory.get(), snapshot->state.get()});
  if (!vm) return vm;
  vm->roms = drive->added;
  building->keep();
  return vm;
}

void end_leftover_process(const fs::path& directory) {
  if (const auto record = read_record(directory)) {
    if (const auto qemu = find_process(directory, *record)) {
      qemu->signal(SIGKILL);
      pollfd gone{qemu->pidfd(), POLLIN, 0};
      ::poll(&gone, 1, kill_limit_ms);
      qemu->collect();
    }
  }
}

void end_leftover(const fs::path& directory) {
  end_leftover_process(directory);
  std::error_code ignored;
  fs::remove_all(directory, ignored);
}

std::string console_tail(const fs::path& directory) {
  const auto tail = clean_text(file_tail(directory / console_log_name, console_tail_bytes));
  if (!tail.empty()) return tail;
  return clean_text(file_tail(directory / qemu_log_name, console_tail_bytes));
}

std::string last_qemu_message(const fs::path& directory) {
  auto tail = clean_text(file_tail(directory / qemu_log_name, 1024));
  while (!tail.empty() && tail.back() == '\n')
    tail.pop_back();
  const auto line = tail.rfind('\n');
  return line == std::string::npos ? tail : tail.substr(line + 1);
}

}  // namespace platen::hypervisor::qemu
