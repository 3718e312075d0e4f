#include "hypervisor/qemu/rom_drive.hpp"

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace {

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + rom_alignment - 1) / rom_alignment * rom_alignment;
}

}  // namespace

tl::expected<rom_drive, std::string> write_rom_drive(const std::filesystem::path& path,
                                                     const std::string& first,
                                                     const std::vector<rom>& roms,
                                                     const rom_store& store) {
  const auto fd = create_sparse_file(path, rom_drive_size);
  if (!fd) return tl::unexpected(fd.error());
  if (auto written = write_at(fd->get(), first, 0, path); !written)
    return tl::unexpected(written.error());
  rom_drive drive;
  drive.used_bytes = aligned(first.size());
  for (const auto& rom : roms) {
    const auto image = store.find(rom.digest);
    if (!image) return tl::unexpected("ROM " + rom.name + ": " + image.error());
    if (drive.used_bytes + image->size_bytes > rom_drive_size)
      return tl::unexpected("ROM " + rom.name + " does not fit: all ROMs of a VM may have " +
                            std::to_string(rom_drive_size) + " bytes together");
    const auto bytes = read_file(image->path, rom_drive_size);
    if (!bytes) return tl::unexpected("ROM " + rom.name + ": " + bytes.error());
    if (auto written = write_at(fd->get(), *bytes, drive.used_bytes, path); !written)
      return tl::unexpected(written.error());
    drive.added.push_back({rom, drive.used_bytes, bytes->size()});
    drive.used_bytes = aligned(drive.used_bytes + bytes->size());
  }
  return drive;
}

}  // namespace platen::hypervisor::qemu
