#include "hypervisor/guest/init/root.hpp"

#include <fcntl.h>
#include <ftw.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

namespace platen::guest {
namespace {

const std::string new_root = "/root";

status make_folder(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return errno_error("cannot make " + path);
  return {};
}

struct mount_entry {
  const char* source;
  const char* target;
  const char* type;
  unsigned long flags;
  const char* options;
};

status mount_all(const std::string& root, std::initializer_list<mount_entry> entries) {
  for (const auto& entry : entries) {
    const std::string target = root + entry.target;
    if (auto made = make_folder(target, 0755); !made) return made;
    auto mounted = mount_at(entry.source, target, entry.type, entry.flags, entry.options);
    if (!mounted) return mounted;
  }
  return {};
}

void link_standard_devices(const std::string& root) {
  const std::pair<const char*, const char*> links[] = {{"/proc/self/fd", "/dev/fd"},
                                                       {"/proc/self/fd/0", "/dev/stdin"},
                                                       {"/proc/self/fd/1", "/dev/stdout"},
                                                       {"/proc/self/fd/2", "/dev/stderr"}};
  for (const auto& [target, link] : links) {
    [[maybe_unused]] const int done = ::symlink(target, (root + link).c_str());
  }
}

int remove_entry(const char* path, const struct stat*, int, FTW*) {
  ::remove(path);
  return 0;
}

void remove_initramfs() {
  // FTW_MOUNT keeps the walk on the initramfs; the new root below it is another file system.
  ::nftw("/", remove_entry, 8, FTW_DEPTH | FTW_MOUNT | FTW_PHYS);
}

}  // namespace

status mount_early() {
  return mount_all("", {{"proc", "/proc", "proc", 0, nullptr},
                        {"sysfs", "/sys", "sysfs", 0, nullptr},
                        {"devtmpfs", "/dev", "devtmpfs", 0, nullptr}});
}

status enter_root(const std::string& disk) {
  if (auto made = make_folder(new_root, 0755); !made) return made;
  if (auto done = mount_at(disk.c_str(), new_root, "ext4", MS_NOATIME); !done) return done;
  const unsigned long closed = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  auto mounted = mount_all(
      new_root,
      {{"proc", "/proc", "proc", closed, nullptr},
       {"sysfs", "/sys", "sysfs", closed, nullptr},
       {"cgroup2", "/sys/fs/cgroup", "cgroup2", closed, nullptr},
       {"devtmpfs", "/dev", "devtmpfs", MS_NOSUID, nullptr},
       {"devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666"},
       {"tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"},
       {"tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"}});
  if (!mounted) return mounted;
  if (auto made = make_folder(new_root + "/tmp", 01777); !made) return made;
  ::chmod((new_root + "/tmp").c_str(), 01777);
  link_standard_devices(new_root);

  for (const char* old : {"/dev", "/sys", "/proc"})
    ::umount2(old, MNT_DETACH);
  remove_initramfs();
  if (::chdir(new_root.c_str()) != 0) return errno_error("cannot enter the root disk");
  if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0)
    return errno_error("cannot move the root disk to /");
  if (::chroot(".") != 0 || ::chdir("/") != 0) return errno_error("cannot change the root");
  return {};
}

status make_folders(const std::string& absolute) {
  owned_fd folder(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::istringstream parts(absolute);
  std::string walked;
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty() || part == ".") continue;
    walked += "/" + part;
    if (::mkdirat(folder.get(), part.c_str(), 0755) != 0 && errno != EEXIST)
      return errno_error("cannot make " + walked);
    owned_fd next(
        ::openat(folder.get(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.is_open())
      return error(walked + " is not a folder (symbolic links are not followed here)");
    folder = std::move(next);
  }
  return {};
}

void leave_root() {
  if (::chdir("/") != 0) log_line("cannot leave the working directory");
  ::sync();
  if (::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) ::sync();
}

}  // namespace platen::guest
