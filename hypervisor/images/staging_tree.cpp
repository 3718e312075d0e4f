#include "hypervisor/images/staging_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>

#include "hypervisor/images/files.hpp"
#include "hypervisor/images/messages.hpp"

namespace platen::hypervisor::images {
namespace {

constexpr std::size_t name_limit = 4000;  // leaves room for the staging folder within PATH_MAX
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

bool is_root() {
  return ::geteuid() == 0;
}

unique_fd open_in_root(int root, const std::string& name, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how);
    // EAGAIN: a rename elsewhere in the system made ".." uncertain; the kernel asks to try again.
    if (fd < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    return unique_fd(static_cast<int>(fd));
  }
}

std::string parent_of(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == name.npos ? "." : name.substr(0, slash);
}

std::string last_of(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == name.npos ? name : name.substr(slash + 1);
}

struct close_directory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  const int copy = ::openat(folder, ".", folder_flags);
  if (copy < 0) return names;
  const std::unique_ptr<DIR, close_directory> directory(::fdopendir(copy));
  while (directory) {
    const dirent* entry = ::readdir(directory.get());
    if (!entry) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

// Depth is bounded: locate() refuses places deeper than PATH_MAX.
tl::expected<void, std::string> remove_at(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failure(system_error_text(errno));
  {
    const unique_fd folder(::openat(parent, name.c_str(), folder_flags | O_NOFOLLOW));
    if (!folder) return failure(system_error_text(errno));
    for (const std::string& child : names_in(folder.get())) {
      if (auto removed = remove_at(folder.get(), child); !removed) return removed;
    }
  }
  if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) return failure(system_error_text(errno));
  return {};
}

tl::expected<void, std::string> set_metadata(int fd, const file_metadata& data, mode_t needed) {
  // Owner first: chown clears the setuid bits and capabilities that are then set.
  if (is_root() && ::fchown(fd, data.uid, data.gid) != 0) return failure(system_error_text(errno));
  const mode_t mode = (data.mode & 07777) | (is_root() ? 0 : needed);
  if (::fchmod(fd, mode) != 0) return failure(system_error_text(errno));
  for (const auto& [name, value] : data.attributes) {
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0)
      return failure("has the attribute '" + name +
                     "', which cannot be kept: " + system_error_text(errno));
  }
  return {};
}

}  // namespace

struct staging_tree::place {
  unique_fd parent;
  std::string name;  // "." for the root itself
};

tl::expected<std::string, std::string> plain_entry_name(std::string_view name) {
  if (name.empty()) return failure("has no name");
  if (name.size() > name_limit)
    return failure("has a name longer than " + std::to_string(name_limit) + " bytes");
  if (name.front() == '/')
    return failure("has an absolute name; make the archive with relative names");
  if (name.find('\0') != name.npos) return failure("has a NUL byte in its name");
  std::string plain;
  while (!name.empty()) {
    const auto slash = std::min(name.find('/'), name.size());
    const auto part = name.substr(0, slash);
    name.remove_prefix(std::min(slash + 1, name.size()));
    if (part == "..") return failure("has '..' in its name, which leads out of the image");
    if (part.empty() || part == ".") continue;
    if (!plain.empty()) plain += '/';
    plain += part;
  }
  return plain.empty() ? "." : plain;
}

staging_tree::staging_tree(unique_fd root, std::filesystem::path path)
    : root_(std::move(root)), path_(std::move(path)) {}

tl::expected<staging_tree, std::string> staging_tree::open(const std::filesystem::path& root) {
  std::error_code error;
  const auto canonical = std::filesystem::canonical(root, error);
  unique_fd fd(::open(root.c_str(), folder_flags));
  if (!fd || error) return failure(file_error("open", root, errno));
  return staging_tree(std::move(fd), canonical);
}

tl::expected<unique_fd, int> staging_tree::open_folder(const std::string& name) const {
  unique_fd folder = open_in_root(root_.get(), name, folder_flags);
  if (!folder) return tl::unexpected(errno);
  // Links can build places deeper than any path can name, which nothing could remove again.
  std::array<char, PATH_MAX> real_path{};
  const std::string link = "/proc/self/fd/" + std::to_string(folder.get());
  const auto length = ::readlink(link.c_str(), real_path.data(), real_path.size());
  if (length < 0 || static_cast<std::size_t>(length) + NAME_MAX + 2 > real_path.size())
    return tl::unexpected(ENAMETOOLONG);
  return folder;
}

tl::expected<unique_fd, std::string> staging_tree::open_or_make_folder(const std::string& name) {
  auto folder = open_folder(name);
  if (folder) return std::move(*folder);
  if (folder.error() == ENOTDIR) return failure("is below '" + name + "', which is not a folder");
  if (name == "." || folder.error() != ENOENT)
    return failure("cannot be placed: " + system_error_text(folder.error()));
  const auto parent = open_or_make_folder(parent_of(name));
  if (!parent) return tl::unexpected(parent.error());
  const std::string last = last_of(name);
  if (::mkdirat(parent->get(), last.c_str(), 0755) != 0) {
    if (errno == EEXIST) return failure("goes through '" + name + "', a link that leads nowhere");
    return failure(system_error_text(errno));
  }
  unique_fd made(::openat(parent->get(), last.c_str(), folder_flags | O_NOFOLLOW));
  // mkdir is subject to the process's umask.
  if (!made || ::fchmod(made.get(), 0755) != 0) return failure(system_error_text(errno));
  return made;
}

tl::expected<staging_tree::place, int> staging_tree::locate(const std::string& name) const {
  auto parent = open_folder(parent_of(name));
  if (!parent) return tl::unexpected(parent.error());
  return place{std::move(*parent), last_of(name)};
}

tl::expected<staging_tree::place, std::string> staging_tree::make_way(const std::string& name) {
  auto parent = open_or_make_folder(parent_of(name));
  if (!parent) return tl::unexpected(parent.error());
  return place{std::move(*parent), last_of(name)};
}

tl::expected<void, std::string> staging_tree::add_folder(const std::string& name,
                                                         const file_metadata& data) {
  const auto where = make_way(name);
  if (!where) return tl::unexpected(where.error());
  unique_fd folder(::openat(where->parent.get(), where->name.c_str(), folder_flags | O_NOFOLLOW));
  if (!folder) {
    if (auto removed = remove_at(where->parent.get(), where->name); !removed) return removed;
    if (::mkdirat(where->parent.get(), where->name.c_str(), 0755) != 0)
      return failure(system_error_text(errno));
    folder =
        unique_fd(::openat(where->parent.get(), where->name.c_str(), folder_flags | O_NOFOLLOW));
    if (!folder) return failure(system_error_text(errno));
  }
  folder_times_[name] = data.modified;
  return set_metadata(folder.get(), data, 0700);
}

tl::expected<unique_fd, std::string> staging_tree::add_file(const std::string& name) {
  if (name == ".") return failure("would replace the root folder by a file");
  const auto where = make_way(name);
  if (!where) return tl::unexpected(where.error());
  // Removed, not overwritten: what is there may be a link, or a file with other names.
  if (auto removed = remove_at(where->parent.get(), where->name); !removed)
    return tl::unexpected(removed.error());
  unique_fd file(::openat(where->parent.get(), where->name.c_str(),
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return failure(system_error_text(errno));
  return file;
}

tl::expected<void, std::string> staging_tree::finish_file(int fd, const file_metadata& data) {
  if (auto set = set_metadata(fd, data, 0400); !set) return set;
  const std::array<timespec, 2> times{data.modified, data.modified};
  if (::futimens(fd, times.data()) != 0) return failure(system_error_text(errno));
  return {};
}

tl::expected<void, std::string> staging_tree::add_symbolic_link(const std::string& name,
                                                                const std::string& target,
                                                                const file_metadata& data) {
  if (name == ".") return failure("would replace the root folder by a link");
  if (target.empty()) return failure("is a symbolic link without a target");
  const auto where = make_way(name);
  if (!where) return tl::unexpected(where.error());
  if (auto removed = remove_at(where->parent.get(), where->name); !removed) return removed;
  const int parent = where->parent.get();
  const char* link = where->name.c_str();
  if (::symlinkat(target.c_str(), parent, link) != 0) return failure(system_error_text(errno));
  if (is_root() && ::fchownat(parent, link, data.uid, data.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return failure(system_error_text(errno));
  const std::array<timespec, 2> times{data.modified, data.modified};
  if (::utimensat(parent, link, times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return failure(system_error_text(errno));
  return {};
}

tl::expected<void, std::string> staging_tree::add_hard_link(const std::string& name,
                                                            const std::string& target) {
  const auto source = locate(target);
  const auto missing = [&](int error) {
    return failure("is a hard link to '" + target +
                   "', which cannot be linked: " + system_error_text(error));
  };
  if (!source) return missing(source.error());
  struct stat status {};
  if (::fstatat(source->parent.get(), source->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return missing(errno);
  if (S_ISDIR(status.st_mode)) return missing(EISDIR);
  const auto where = make_way(name);
  if (!where) return tl::unexpected(where.error());
  struct stat existing {};
  if (::fstatat(where->parent.get(), where->name.c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0 &&
      existing.st_ino == status.st_ino && existing.st_dev == status.st_dev)
    return {};
  if (auto removed = remove_at(where->parent.get(), where->name); !removed) return removed;
  if (::linkat(source->parent.get(), source->name.c_str(), where->parent.get(), where->name.c_str(),
               0) != 0)
    return missing(errno);
  return {};
}

tl::expected<void, std::string> staging_tree::remove(const std::string& name) {
  if (name == ".") return failure("would remove the root folder");
  const auto where = locate(name);
  if (!where) {
    if (where.error() == ENOENT || where.error() == ENOTDIR) return {};
    return failure(system_error_text(where.error()));
  }
  return remove_at(where->parent.get(), where->name);
}

tl::expected<void, std::string> staging_tree::empty_folder(const std::string& name) {
  const auto where = locate(name);
  if (!where) {
    if (where.error() == ENOENT || where.error() == ENOTDIR) return {};
    return failure(system_error_text(where.error()));
  }
  // A link is left alone: the layer that says "opaque" replaces it by a folder of its own.
  const unique_fd folder(
      ::openat(where->parent.get(), where->name.c_str(), folder_flags | O_NOFOLLOW));
  if (!folder) return {};
  for (const std::string& child : names_in(folder.get())) {
    if (auto removed = remove_at(folder.get(), child); !removed) return removed;
  }
  return {};
}

void staging_tree::restore_folder_times() {
  for (const auto& [name, modified] : folder_times_) {
    // A later entry may have replaced or removed the folder; then there is nothing to restore.
    const unique_fd folder = open_in_root(root_.get(), name, folder_flags | O_NOFOLLOW);
    const std::array<timespec, 2> times{modified, modified};
    if (folder) ::futimens(folder.get(), times.data());
  }
}

}  // namespace platen::hypervisor::images
