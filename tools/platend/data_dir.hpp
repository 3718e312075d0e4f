// The daemon's data directory: private to its user, and used by one daemon at a time.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace platen::platend {

// Holds the directory for as long as it lives; the kernel lets go of it if the process dies.
class data_dir {
 public:
  // Makes the directory (mode 0700) if it is missing and locks it. The error is one sentence and
  // says which process holds the directory, if one does.
  static tl::expected<data_dir, std::string> open(const std::filesystem::path& path);

  data_dir(data_dir&& other) noexcept;
  data_dir& operator=(data_dir&&) = delete;
  ~data_dir();

  const std::filesystem::path& path() const { return path_; }  // absolute

 private:
  data_dir(std::filesystem::path path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace platen::platend
