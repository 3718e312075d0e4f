// A file for a body that is too large for memory; it is gone when its request is over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "http/connection/file_descriptor.hpp"

namespace platen::http {

class spool_file {
 public:
  // The error is one sentence.
  static tl::expected<spool_file, std::string> create(const std::filesystem::path& folder);

  spool_file(spool_file&& other) noexcept = default;
  spool_file& operator=(spool_file&& other) = delete;
  ~spool_file();

  // False if the disk is full or failed; problem() says which.
  bool append(std::string_view bytes);
  const std::string& problem() const { return problem_; }

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  // Deletes what an earlier process left in the folder, and makes the folder if it is missing.
  static tl::expected<void, std::string> clean(const std::filesystem::path& folder);

 private:
  spool_file() = default;

  std::filesystem::path path_;
  file_descriptor file_;
  std::uint64_t size_ = 0;
  std::string problem_;
};

}  // namespace platen::http
