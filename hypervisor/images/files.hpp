// Reading, and writing so that it is there after a crash. Errors are sentences naming the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "hypervisor/images/unique_fd.hpp"

namespace platen::hypervisor::images {

std::string system_error_text(int error_number);

// "cannot <doing> <path>: <the system's reason>"
std::string file_error(std::string_view doing, const std::filesystem::path& path, int error_number);

tl::expected<void, std::string> write_all(int fd, std::string_view bytes);

// Reads from the descriptor's position to its end; refuses more than `limit` bytes.
tl::expected<std::string, std::string> read_all(int fd, std::uint64_t limit);
tl::expected<std::string, std::string> read_file(const std::filesystem::path& path,
                                                 std::uint64_t limit);

// fsync of a file or a folder.
tl::expected<void, std::string> sync_path(const std::filesystem::path& path);

// Writes, syncs, renames over `path` and syncs the folder: `path` has the old or the new content,
// never a part of it. A crash may leave a file `replacement_prefix`... beside it.
inline constexpr std::string_view replacement_prefix = ".tmp-";
tl::expected<void, std::string> replace_file(const std::filesystem::path& path,
                                             std::string_view bytes);

// Renames and syncs both folders.
tl::expected<void, std::string> rename_synced(const std::filesystem::path& from,
                                              const std::filesystem::path& to);

// Creates `path` and its parents if they are missing.
tl::expected<void, std::string> make_folder(const std::filesystem::path& path);

// A folder with a fresh name `<parent>/<prefix>XXXXXX`, removed with all its content at the end.
class temporary_folder {
 public:
  static tl::expected<temporary_folder, std::string> make(const std::filesystem::path& parent,
                                                          std::string_view prefix);
  temporary_folder(temporary_folder&& other) noexcept;
  temporary_folder& operator=(temporary_folder&&) = delete;
  ~temporary_folder();

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit temporary_folder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Removes the entries of `parent` whose names begin with `prefix`: what a crash left of
// temporary folders.
tl::expected<void, std::string> remove_leftovers(const std::filesystem::path& parent,
                                                 std::string_view prefix);

}  // namespace platen::hypervisor::images
