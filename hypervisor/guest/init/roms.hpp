// ROM images on the ROM drive, each mounted read-only where its owner wants it, or shown as a
// device of its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

struct rom_place {
  std::string name;
  std::string at;            // absolute mount point; empty: only /dev/ukp_rom_<name>
  std::string filesystem;    // "erofs" or "ext4"; empty: "erofs"
  std::uint64_t offset = 0;  // bytes from the start of the drive, a multiple of 4096
  std::uint64_t length = 0;  // bytes, a multiple of 4096, not 0
};

// Why a ROM must not be mounted at `at`, naming what to change; empty if it may.
std::string refuse_mount_point(const std::string& at);

// Why a ROM must not be shown as a device of this name, naming what to change; empty if it may.
std::string refuse_device_name(const std::string& name);

class rom_drive {
 public:
  rom_drive() = default;
  explicit rom_drive(std::string device) : device_(std::move(device)) {}

  // Forgets what the kernel has cached of the drive, so that the next read asks the host.
  status forget_cached() const;

  // Makes each ROM a partition and mounts it, or makes its device node. Those of earlier calls
  // stay.
  status mount(const std::vector<rom_place>& roms);

 private:
  status attach(int drive, const rom_place& rom);

  std::string device_;  // "/dev/vdb"; empty: the machine has no ROM drive
  int partitions_ = 0;
};

}  // namespace platen::guest
