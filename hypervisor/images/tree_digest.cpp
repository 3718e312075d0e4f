#include "hypervisor/images/tree_digest.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "hypervisor/images/files.hpp"
#include "hypervisor/images/messages.hpp"
#include "hypervisor/images/sha256.hpp"

namespace platen::hypervisor::images {
namespace {

constexpr std::uint64_t block_bytes = 4096;
constexpr std::size_t link_in_inode_limit = 59;  // longer targets take a block on ext4
constexpr std::size_t folder_entry_bytes = 12;   // beside the name, with alignment

struct close_directory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

class summarizer {
 public:
  tl::expected<void, std::string> add_folder(int folder, const std::string& path) {
    if (auto added = add_attributes(folder); !added) return added;
    auto names = names_in(folder);
    if (!names) return tl::unexpected(names.error());
    std::ranges::sort(*names);
    std::uint64_t entry_bytes = 0;
    for (const std::string& name : *names) {
      entry_bytes += folder_entry_bytes + name.size();
      if (auto added = add(folder, name, path + "/" + name); !added) return added;
    }
    // Folders that are indexed by hash are on average three quarters full.
    summary_.blocks += 1 + entry_bytes * 4 / 3 / block_bytes;
    hash_.update_field("end of folder");
    return {};
  }

  tree_summary finish() {
    summary_.digest = hash_.hex();
    return std::move(summary_);
  }

  void add_status(const struct stat& status) {
    ++summary_.inodes;
    hash_.update_number(status.st_mode);
    hash_.update_number(status.st_uid);
    hash_.update_number(status.st_gid);
  }

 private:
  static tl::expected<std::vector<std::string>, std::string> names_in(int folder) {
    const int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return failure(system_error_text(errno));
    const std::unique_ptr<DIR, close_directory> directory(::fdopendir(copy));
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(directory.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    return names;
  }

  tl::expected<void, std::string> add(int folder, const std::string& name,
                                      const std::string& path) {
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return failure("cannot look at " + path + ": " + system_error_text(errno));
    hash_.update_field(name);
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1) {
      const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!is_first) {
        hash_.update_field("hard link");
        hash_.update_field(first->second);
        return {};
      }
    }
    add_status(status);
    if (S_ISLNK(status.st_mode)) return add_link(folder, name, status);
    const unique_fd file(
        ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return failure("cannot open " + path + ": " + system_error_text(errno));
    if (S_ISDIR(status.st_mode)) return add_folder(file.get(), path);
    return add_file(file.get(), status);
  }

  tl::expected<void, std::string> add_link(int folder, const std::string& name,
                                           const struct stat& status) {
    std::array<char, PATH_MAX> target{};
    const auto size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0) return failure(system_error_text(errno));
    hash_.update_number(static_cast<std::uint64_t>(status.st_mtim.tv_sec));
    hash_.update_field({target.data(), static_cast<std::size_t>(size)});
    if (static_cast<std::size_t>(size) > link_in_inode_limit) ++summary_.blocks;
    return {};
  }

  tl::expected<void, std::string> add_file(int file, const struct stat& status) {
    hash_.update_number(static_cast<std::uint64_t>(status.st_mtim.tv_sec));
    if (auto added = add_attributes(file); !added) return added;
    const auto content = sha256_of_file(file);
    if (!content) return tl::unexpected(content.error());
    hash_.update_field(*content);
    summary_.blocks += (static_cast<std::uint64_t>(status.st_size) + block_bytes - 1) / block_bytes;
    return {};
  }

  tl::expected<void, std::string> add_attributes(int file) {
    const auto size = ::flistxattr(file, nullptr, 0);
    if (size <= 0) return {};
    std::string list(static_cast<std::size_t>(size), '\0');
    if (::flistxattr(file, list.data(), list.size()) != size)
      return failure(system_error_text(errno));
    std::map<std::string, std::string> attributes;
    for (std::size_t begin = 0; begin < list.size();) {
      const std::string name = list.c_str() + begin;
      begin += name.size() + 1;
      const auto length = ::fgetxattr(file, name.c_str(), nullptr, 0);
      std::string value(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
      if (::fgetxattr(file, name.c_str(), value.data(), value.size()) != length)
        return failure(system_error_text(errno));
      attributes.emplace(name, std::move(value));
    }
    ++summary_.blocks;
    for (const auto& [name, value] : attributes) {
      hash_.update_field(name);
      hash_.update_field(value);
    }
    return {};
  }

  sha256 hash_;
  tree_summary summary_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
};

}  // namespace

tl::expected<tree_summary, std::string> summarize_tree(int root) {
  struct stat status {};
  if (::fstat(root, &status) != 0) return failure(system_error_text(errno));
  summarizer walk;
  walk.add_status(status);
  if (const auto added = walk.add_folder(root, ""); !added) return tl::unexpected(added.error());
  return walk.finish();
}

}  // namespace platen::hypervisor::images
