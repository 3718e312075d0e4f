// ROMs as content-addressed, read-only file systems: <root>/<digest>.erofs, made of files, and
// <root>/<digest>.ext4, a second name of an image's disk. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/images/image_store.hpp"

namespace platen::hypervisor {

struct rom_file {
  std::string path;  // relative, no "..", folders are made as needed
  std::string bytes;
};

struct rom_image {
  std::string digest;            // of files: SHA-256 of the EROFS image; of an image: the image's
  std::string filesystem;        // "erofs" or "ext4"
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
  // Keeps the content of an image of the image store as a ROM, also when the image is removed or
  // its name is given to another. Uses no space of its own where both are on one file system.
  virtual tl::expected<rom_image, std::string> put_image(const image& content) = 0;
  virtual tl::expected<rom_image, std::string> find(const std::string& digest) const = 0;

  // Removes every ROM whose digest is not among these; returns how many. What was put less than
  // ten minutes ago stays, because the request that did so may not have been recorded yet.
  virtual std::size_t remove_unreferenced(const std::set<std::string>& in_use) = 0;
};

}  // namespace platen::hypervisor
