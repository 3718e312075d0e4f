// What a finished tree is: a digest of everything a guest could see in it, and its size on ext4.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace platen::hypervisor::images {

struct tree_summary {
  std::string digest;        // SHA-256: names, kinds, modes, owners, times of files, content
  std::uint64_t blocks = 0;  // of 4096 bytes, for content, folders and long links
  std::uint64_t inodes = 0;
};

// Equal trees have equal digests. The times of folders do not count, because archives often do
// not have them. `root` is an open folder.
tl::expected<tree_summary, std::string> summarize_tree(int root);

}  // namespace platen::hypervisor::images
