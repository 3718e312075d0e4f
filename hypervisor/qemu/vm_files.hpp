// Making a VM's directory, starting QEMU in it (vm_launch.cpp), and deleting it again. Everything
// here blocks and runs on the pool.
//
// <data_dir>/vms/<id>.<attempt>/, mode 0700:
//   vm.json       what a later daemon has to know (vm_record.hpp)
//   qmp.sock, agent.sock   QEMU's monitor, the guest's agent
//   console.log   the kernel's console        output.log  the workload's output
//   qemu.log      what QEMU itself prints
//   disk.qcow2    the VM's own writes         rom.vmdk    the list of ROMs on its ROM drive
//   base.ext4, layer-N.qcow2, rom-N.img   second names of what its disk and its ROM drive rest on,
//                 so that they outlive the image, snapshot or suspended VM they come from
//   memory        of template preparations, the guest's memory; of a clone, a copy of its
//   snapshot's
// While the VM is being saved, and when it is suspended:
//   memory, state          what QEMU saved
//   saving                 it is being saved; if its daemon dies meanwhile, the next lets it go on
//   manifest.json          it is suspended, and all of it is on stable storage
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/qemu/process.hpp"
#include "hypervisor/qemu/rom_drive.hpp"
#include "hypervisor/qemu/vm_host.hpp"
#include "hypervisor/qemu/vm_record.hpp"

namespace platen::hypervisor::qemu {

inline constexpr auto qemu_log_name = "qemu.log";
inline constexpr auto saving_mark_name = "saving";
// Shown with a failure.
inline constexpr std::uint64_t console_tail_bytes = 16 << 10;

struct failure {
  stage where = stage::boot;
  std::string reason;
  bool snapshot_damaged = false;
};

inline tl::unexpected<failure> fail(stage where, std::string reason) {
  return tl::unexpected(failure{where, std::move(reason), false});
}

// A VM whose QEMU was just started.
struct launched_vm {
  vm_record record;
  process qemu;
  unique_fd directory;
  std::vector<placed_rom> added_roms;  // those the guest has to be told of
  int state_fd = -1;                   // not boots: QEMU's descriptor of the state it is to load
  image_config workload;               // boots: how the image says its workload is started
};

tl::expected<launched_vm, failure> launch_boot(vm_host& host, const boot_order& order);
tl::expected<launched_vm, failure> launch_clone(vm_host& host, const clone_order& order);
tl::expected<launched_vm, failure> launch_resume(vm_host& host, const resume_order& order);

// What a VM that did not come up is said to have failed at.
stage stage_of_start(vm_origin origin);

std::filesystem::path vm_directory(const vm_host& host, const vm_ref& vm);

// Ends the process that may still run in an earlier daemon's VM directory.
void end_leftover_process(const std::filesystem::path& directory);
// And deletes the directory.
void end_leftover(const std::filesystem::path& directory);

// The newest of the kernel's console, or of QEMU's own messages if the guest printed nothing.
std::string console_tail(const std::filesystem::path& directory);

// The newest of the kernel's console and, behind it, of the workload's own output: what to show
// with the end of a VM.
std::string last_output(const std::filesystem::path& directory);

// The last line QEMU itself printed, to say why it ended.
std::string last_qemu_message(const std::filesystem::path& directory);

}  // namespace platen::hypervisor::qemu
