// A folder into which untrusted archives are unpacked, seen as the root of a file system: no name,
// "..", absolute symbolic link or link chain an archive can contain leads out of it.
//
// Each parent folder is opened with openat2(RESOLVE_IN_ROOT), so links are followed as they would
// be inside the guest; the last part of a name is never followed. Not thread-safe.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/images/unique_fd.hpp"

namespace platen::hypervisor::images {

struct extended_attribute {
  std::string name;
  std::string value;
};

struct file_metadata {
  mode_t mode = 0644;  // permission bits with setuid, setgid and sticky
  uid_t uid = 0;       // owners are only kept when the process is root
  gid_t gid = 0;
  timespec modified{};
  std::vector<extended_attribute> attributes;
};

// A name as archives have it, made plain: no leading "./", no empty parts; "." is the root itself.
// Refuses absolute names, "..", NUL and overlong names. The error completes "the entry NAME …".
tl::expected<std::string, std::string> plain_entry_name(std::string_view name);

// Names are plain. Errors complete a sentence that names the entry.
class staging_tree {
 public:
  // `root` exists and is empty.
  static tl::expected<staging_tree, std::string> open(const std::filesystem::path& root);

  // Keeps what is in a folder that already exists there; replaces anything else.
  tl::expected<void, std::string> add_folder(const std::string& name, const file_metadata& data);
  // The returned file is empty and open for writing; finish_file() is called when it is full.
  tl::expected<unique_fd, std::string> add_file(const std::string& name);
  tl::expected<void, std::string> finish_file(int fd, const file_metadata& data);
  tl::expected<void, std::string> add_symbolic_link(const std::string& name,
                                                    const std::string& target,
                                                    const file_metadata& data);
  // `target` is the plain name of an earlier file.
  tl::expected<void, std::string> add_hard_link(const std::string& name, const std::string& target);

  // Removes the entry with all it contains; nothing happens if it is not there.
  tl::expected<void, std::string> remove(const std::string& name);
  // Removes what is in the folder, but not the folder; nothing happens if it is no folder.
  tl::expected<void, std::string> empty_folder(const std::string& name);

  // Gives folders the modification times that unpacking into them has changed since.
  void restore_folder_times();

  int fd() const { return root_.get(); }

 private:
  struct place;
  explicit staging_tree(unique_fd root, std::filesystem::path path);
  // Errors of these two are errno values.
  tl::expected<unique_fd, int> open_folder(const std::string& name) const;
  tl::expected<place, int> locate(const std::string& name) const;
  tl::expected<place, std::string> make_way(const std::string& name);
  tl::expected<unique_fd, std::string> open_or_make_folder(const std::string& name);

  unique_fd root_;
  std::filesystem::path path_;
  std::map<std::string, timespec> folder_times_;
};

}  // namespace platen::hypervisor::images
