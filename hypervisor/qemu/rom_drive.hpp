// The ROM drive: EROFS images one after another, on a disk of one fixed size for every VM.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/images/rom_store.hpp"

namespace platen::hypervisor::qemu {

// The same for all VMs, because a snapshot remembers the size of its devices.
inline constexpr std::uint64_t rom_drive_size = 16ull << 20;
inline constexpr std::uint64_t rom_alignment = 4096;

struct placed_rom {
  rom what;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct rom_drive {
  std::vector<placed_rom> added;
  std::uint64_t used_bytes = 0;
};

// Writes the drive: `first` (a template's own ROMs, or nothing), then the images of `roms`. The
// error names the ROM that is missing or does not fit.
tl::expected<rom_drive, std::string> write_rom_drive(const std::filesystem::path& path,
                                                     const std::string& first,
                                                     const std::vector<rom>& roms,
                                                     const rom_store& store);

}  // namespace platen::hypervisor::qemu
