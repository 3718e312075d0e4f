#include "hypervisor/guest/init/roms.hpp"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "hypervisor/guest/init/root.hpp"

namespace platen::guest {
namespace {

constexpr std::uint64_t alignment = 4096;

bool is_at_or_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

constexpr std::size_t device_name_limit = 63;

// Neither the drive nor its partitions can be written, so neither file system may try to.
status mount_partition(const std::string& partition, const rom_place& rom) {
  if (auto made = make_folders(rom.at); !made) return made;
  const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV;
  if (rom.filesystem == "ext4") return mount_at(partition.c_str(), rom.at, "ext4", flags, "noload");
  if (rom.filesystem.empty() || rom.filesystem == "erofs")
    return mount_at(partition.c_str(), rom.at, "erofs", flags);
  return error("its file system \"" + rom.filesystem + "\" is unknown here");
}

// A node of its own and not a link: whoever may not read the platform's disks may read a ROM.
status make_device(const std::string& partition, const std::string& name) {
  if (const auto refusal = refuse_device_name(name); !refusal.empty()) return error(refusal);
  struct stat found {};
  if (::stat(partition.c_str(), &found) != 0) return errno_error("cannot find " + partition);
  const std::string node = "/dev/ukp_rom_" + name;
  if (::mknod(node.c_str(), S_IFBLK | 0444, found.st_rdev) != 0)
    return errno_error("cannot make " + node);
  if (::chmod(node.c_str(), 0444) != 0) return errno_error("cannot open up " + node);
  return {};
}

}  // namespace

std::string refuse_device_name(const std::string& name) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  if (name.empty()) return "a ROM without \"at\" needs a name";
  if (name.size() > device_name_limit || !std::ranges::all_of(name, plain))
    return "the name of a ROM without \"at\" must be 1 to 63 letters, digits, '-', '_' and '.'";
  return {};
}

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
    if (auto attached = attach(drive.get(), rom); !attached)
      return error("ROM \"" + rom.name + "\": " + attached.error());
  }
  return {};
}

status rom_drive::attach(int drive, const rom_place& rom) {
  if (const auto refusal = refuse_mount_point(rom.at); !rom.at.empty() && !refusal.empty())
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
  const std::string node = device_ + std::to_string(partition.pno);
  return rom.at.empty() ? make_device(node, rom.name) : mount_partition(node, rom);
}

}  // namespace platen::guest
