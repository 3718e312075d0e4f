#include "hypervisor/guest/init/roms.hpp"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "hypervisor/guest/init/root.hpp"

namespace platen::guest {
namespace {

constexpr std::uint64_t alignment = 4096;

bool is_at_or_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

}  // namespace

std::string refuse_mount_point(const std::string& at) {
  if (!at.starts_with('/')) return "it must be an absolute path";
  std::string clean;
  for (std::size_t begin = 0; begin < at.size();) {
    const auto end = std::min(at.find('/', begin), at.size());
    const auto part = at.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return "it must not contain \"..\"";
    clean += "/" + part;
  }
  if (clean.empty()) return "it must not be the root folder";
  for (const char* reserved : {"/uk", "/proc", "/sys", "/dev"}) {
    if (is_at_or_below(clean, reserved))
      return "it must not lie in " + std::string(reserved) + ", which belongs to the platform";
  }
  return {};
}

status rom_drive::forget_cached() const {
  if (device_.empty()) return {};
  const owned_fd drive(::open(device_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!drive.is_open()) return errno_error("cannot open the ROM drive");
  if (::ioctl(drive.get(), BLKFLSBUF, 0) != 0) return errno_error("cannot flush the ROM drive");
  return {};
}

status rom_drive::mount(const std::vector<rom_place>& roms) {
  if (roms.empty()) return {};
  if (device_.empty()) return error("the machine has no ROM drive");
  if (auto forgotten = forget_cached(); !forgotten) return forgotten;
  const owned_fd drive(::open(device_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!drive.is_open()) return errno_error("cannot open the ROM drive");
  for (const auto& rom : roms) {
    if (auto mounted = mount_one(drive.get(), rom); !mounted)
      return error("ROM \"" + rom.name + "\": " + mounted.error());
  }
  return {};
}

status rom_drive::mount_one(int drive, const rom_place& rom) {
  if (rom.at.empty()) return {};
  if (const auto refusal = refuse_mount_point(rom.at); !refusal.empty())
    return error("\"at\" is \"" + rom.at + "\", but " + refusal);
  if (rom.offset % alignment != 0 || rom.length % alignment != 0 || rom.length == 0)
    return error("its place on the ROM drive is not in units of 4096 bytes");

  blkpg_partition partition{};
  partition.start = static_cast<long long>(rom.offset);
  partition.length = static_cast<long long>(rom.length);
  partition.pno = partitions_ + 1;
  blkpg_ioctl_arg request{BLKPG_ADD_PARTITION, 0, sizeof partition, &partition};
  if (::ioctl(drive, BLKPG, &request) != 0)
    return errno_error("its place on the ROM drive cannot be used");
  ++partitions_;
  if (auto made = make_folders(rom.at); !made) return made;
  const std::string node = device_ + std::to_string(partition.pno);
  return mount_at(node.c_str(), rom.at, "erofs", MS_RDONLY | MS_NOSUID | MS_NODEV);
}

}  // namespace platen::guest
