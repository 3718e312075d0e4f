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
inline constexpr auto rom_drive_name = "rom.vmdk";
inline constexpr auto memory_name = "memory";

// Of QEMU's block nodes, the ROM drive and what it reads.
inline constexpr auto rom_drive_node = "rom";
inline constexpr auto rom_files_node = "rom-files";
// What it reads instead in a clone of the pool that has ROMs of its own.
inline constexpr auto own_rom_files_node = "own-rom-files";
// Of its memory, the guest's.
inline constexpr auto memory_block = "memory";

// Descriptors QEMU inherits, in this order from 3 on; those without a name of their own here:
//   one for each ROM, one for each overlay between the image's disk and the VM's own overlay with
//   the lowest first, and for clones the snapshot's memory and state.
enum inherited_fd : int {
  qmp_listener_fd = 3,
  agent_listener_fd = 4,
  base_disk_fd = 5,  // the image's raw ext4 disk
  first_rom_fd = 6,
};
struct inherited_files {
  int roms = 0;
  int layers = 0;  // of clones, at least 1: what its snapshot calls its disk is the last

  int layer_fd(int layer) const { return first_rom_fd + roms + layer; }
  int memory_fd() const { return layer_fd(layers); }
  int state_fd() const { return memory_fd() + 1; }
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
// `memory_in_file`: its memory is its own file `memory`, so that it can become a snapshot.
std::vector<std::string> clone_command_line(const machine& machine, const host_side& host,
                                            const inherited_files& files, bool memory_in_file);

// The arguments that decide what the guest sees, one a line; its digest is in the manifest.
std::string guest_visible_arguments(const machine& machine);

}  // namespace platen::hypervisor::qemu
