// The ROM drive: the ROMs of a VM one after another, on a disk of one fixed size for every VM. It
// is a list of files, which QEMU reads as one disk; no byte of a ROM is copied.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/images/rom_store.hpp"

namespace platen::hypervisor::qemu {

// The same for all VMs, because a snapshot remembers the size of its devices. Takes the most ROMs a
// VM may have, of the largest images that can be imported. It is no one's disk space.
inline constexpr std::uint64_t rom_drive_size = 128ull << 30;
inline constexpr std::uint64_t rom_alignment = 4096;

struct placed_rom {
  rom what;
  std::string filesystem;    // "erofs" or "ext4"
  std::uint64_t offset = 0;  // on the drive; a multiple of rom_alignment
  std::uint64_t length = 0;  // of its file
  std::string sha256;        // of its file; only in a snapshot's manifest
};

std::vector<rom> roms_of(const std::vector<placed_rom>& placed);

// A place for one more ROM behind those that are there. The error names the ROM.
tl::expected<placed_rom, std::string> place_rom(const std::vector<placed_rom>& present,
                                                const rom& what, const rom_image& file);

// The drive, as QEMU's vmdk driver reads it. The file of the n-th ROM is descriptor
// `first_fd` + n of the process that reads it.
std::string rom_drive_list(const std::vector<placed_rom>& roms, int first_fd);

// Writes the list and the empty file that stands for the rest of the drive.
tl::expected<void, std::string> write_rom_drive(const std::filesystem::path& directory,
                                                const std::vector<placed_rom>& roms, int first_fd);

// The same for a process that has no descriptors of the ROMs: they are files of the directory, the
// n-th one rom_file_name(n).
tl::expected<void, std::string> write_rom_drive_of_files(const std::filesystem::path& directory,
                                                         const std::vector<placed_rom>& roms);
// What the n-th ROM's file is called in the directory of a VM or a snapshot.
std::string rom_file_name(std::size_t rom);

}  // namespace platen::hypervisor::qemu
