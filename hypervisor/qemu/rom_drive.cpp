#include "hypervisor/qemu/rom_drive.hpp"

#include <fcntl.h>

#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace {

constexpr std::uint64_t sector_bytes = 512;
constexpr auto rest_name = "rom.rest";

std::string extent(std::uint64_t bytes, const std::string& file) {
  return "RW " + std::to_string(bytes / sector_bytes) + " FLAT \"" + file + "\" 0\n";
}

std::uint64_t end_of(const std::vector<placed_rom>& roms) {
  return roms.empty() ? 0 : roms.back().offset + roms.back().length;
}

// QEMU takes an extent behind an empty line twice, and ignores extents that are not called RW. The
// drive is opened read-only, and with it every file of it.
template <typename FileName>
std::string list_of(const std::vector<placed_rom>& roms, FileName file_name) {
  std::string list =
      "# Disk DescriptorFile\n"
      "version=1\n"
      "CID=00000001\n"
      "parentCID=ffffffff\n"
      "createType=\"twoGbMaxExtentFlat\"\n";
  for (std::size_t i = 0; i < roms.size(); ++i)
    list += extent(roms[i].length, file_name(i));
  // What lies behind the end of a file is read as zeros.
  if (end_of(roms) < rom_drive_size) list += extent(rom_drive_size - end_of(roms), rest_name);
  return list;
}

tl::expected<void, std::string> write_drive(const std::filesystem::path& directory,
                                            const std::string& list) {
  const auto rest = open_file(directory / rest_name, O_WRONLY | O_CREAT);
  if (!rest) return tl::unexpected(rest.error());
  return replace_file(directory / rom_drive_name, list, false);
}

}  // namespace

std::vector<rom> roms_of(const std::vector<placed_rom>& placed) {
  std::vector<rom> roms;
  for (const auto& rom : placed)
    roms.push_back(rom.what);
  return roms;
}

tl::expected<placed_rom, std::string> place_rom(const std::vector<placed_rom>& present,
                                                const rom& what, const rom_image& file) {
  placed_rom placed{what, file.filesystem, end_of(present), file.size_bytes, {}};
  if (placed.length == 0 || placed.length % rom_alignment != 0)
    return tl::unexpected("ROM " + what.name + ": its file has " + std::to_string(placed.length) +
                          " bytes, which is not a multiple of " + std::to_string(rom_alignment));
  if (placed.length > rom_drive_size - placed.offset)
    return tl::unexpected("ROM " + what.name + " does not fit: all ROMs of a VM may have " +
                          std::to_string(rom_drive_size) + " bytes together");
  return placed;
}

std::string rom_drive_list(const std::vector<placed_rom>& roms, int first_fd) {
  return list_of(roms, [first_fd](std::size_t rom) {
    return "/proc/self/fd/" + std::to_string(first_fd + static_cast<int>(rom));
  });
}

std::string rom_file_name(std::size_t rom) {
  return "rom-" + std::to_string(rom) + ".img";
}

tl::expected<void, std::string> write_rom_drive(const std::filesystem::path& directory,
                                                const std::vector<placed_rom>& roms, int first_fd) {
  return write_drive(directory, rom_drive_list(roms, first_fd));
}

tl::expected<void, std::string> write_rom_drive_of_files(const std::filesystem::path& directory,
                                                         const std::vector<placed_rom>& roms) {
  return write_drive(directory, list_of(roms, rom_file_name));
}

}  // namespace platen::hypervisor::qemu
