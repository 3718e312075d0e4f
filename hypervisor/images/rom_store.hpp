// Inline ROMs as content-addressed, read-only EROFS images: <root>/<digest>.erofs. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace platen::hypervisor {

struct rom_file {
  std::string path;  // relative, no "..", folders are made as needed
  std::string bytes;
};

struct rom_image {
  std::string digest;            // SHA-256 of the image file, lower-case hex
  std::uint64_t size_bytes = 0;  // a multiple of 4096
  std::filesystem::path path;
};

// From the platform API this one is compatible with (reference/unikraft-api.md §10).
inline constexpr std::size_t rom_files_limit = 16;
inline constexpr std::size_t rom_bytes_limit = 1'000'000;

class rom_store {
 public:
  static tl::expected<std::unique_ptr<rom_store>, std::string> open(std::filesystem::path root);
  virtual ~rom_store() = default;

  // Builds the image of these files, or finds it: equal files give an equal digest. Synced before
  // it returns. The error is one sentence that names the file at fault.
  virtual tl::expected<rom_image, std::string> put(const std::vector<rom_file>& files) = 0;
  virtual tl::expected<rom_image, std::string> find(const std::string& digest) const = 0;
};

}  // namespace platen::hypervisor
