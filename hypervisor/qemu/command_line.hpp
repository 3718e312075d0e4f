// QEMU's command lines, as pure functions: of a VM that boots and of one that continues a snapshot.
//
// Both are built from one list of devices in one order, because QEMU loads a snapshot into other
// devices without complaint. All names are relative to the VM's directory, QEMU's working
// directory; everything outside of it arrives as an inherited descriptor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace platen::hypervisor::qemu {

// File names in a VM's directory.
inline constexpr auto qmp_socket_name = "qmp.sock";
inline constexpr auto agent_socket_name = "agent.sock";
inline constexpr auto console_log_name = "console.log";
inline constexpr auto output_log_name = "output.log";
inline constexpr auto disk_name = "disk.qcow2";
inline constexpr auto rom_drive_name = "rom.img";
inline constexpr auto memory_name = "memory";

// Descriptors QEMU inherits, in this order from 3 on. A boot has the first three.
enum inherited_fd : int {
  qmp_listener_fd = 3,
  agent_listener_fd = 4,
  base_disk_fd = 5,  // the image's raw ext4 disk
  snapshot_disk_fd = 6,
  snapshot_memory_fd = 7,
  snapshot_state_fd = 8,
};

// What a snapshot and its clones must have in common.
struct machine {
  std::string accelerator;  // "kvm" or "tcg"
  std::uint32_t memory_mb = 0;
  std::uint32_t vcpus = 0;
  friend bool operator==(const machine&, const machine&) = default;
};

inline constexpr auto machine_type = "microvm";
std::string cpu_model(const machine& machine);

struct host_side {
  std::string qemu_binary;
  std::string name;  // shown by ps and found again by it
  std::vector<std::uint16_t> guest_ports;
};

struct boot_files {
  std::filesystem::path kernel;
  std::filesystem::path initramfs;
  std::string append;
  bool memory_in_file = false;  // so that it can become a snapshot
};

std::vector<std::string> boot_command_line(const machine& machine, const host_side& host,
                                           const boot_files& files);
std::vector<std::string> clone_command_line(const machine& machine, const host_side& host);

// The arguments that decide what the guest sees, one a line; its digest is in the manifest.
std::string guest_visible_arguments(const machine& machine);

}  // namespace platen::hypervisor::qemu
