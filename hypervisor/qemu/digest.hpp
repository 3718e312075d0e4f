// SHA-256 of files, and a memory of which files were already hashed.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/images/sha256.hpp"

namespace platen::hypervisor::qemu {

using images::sha256_hex;

// Everything the kernel changes when the content of a file may have changed.
struct file_identity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  friend auto operator<=>(const file_identity&, const file_identity&) = default;
};

// ctime also moves when a file gains a name; a disk that is hard-linked into many folders is
// identified without it.
enum class identity_by { content_and_inode_change, content_change };
tl::expected<file_identity, std::string> identify(int fd, identity_by how);

// Digests of files this process has read in full, valid while the file's identity is the same.
// Thread-safe; equal concurrent questions are answered by one reading.
class digest_cache {
 public:
  tl::expected<std::string, std::string> digest_of(int fd, identity_by how);

 private:
  std::mutex known_mutex_;
  std::mutex reading_mutex_;
  std::map<file_identity, std::string> known_;
};

}  // namespace platen::hypervisor::qemu
