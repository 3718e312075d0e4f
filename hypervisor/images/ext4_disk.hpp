// Makes the ext4 disk of an image from a folder, without mounting anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/images/tree_digest.hpp"

namespace platen::hypervisor::images {

// Writes a sparse, synced file `disk` holding what is in `folder` and at least `free_bytes` of
// room. The file system's UUID comes from `identity`, a SHA-256 in hex. Answers the logical size.
tl::expected<std::uint64_t, std::string> make_ext4_disk(const std::filesystem::path& folder,
                                                        const tree_summary& content,
                                                        std::uint64_t free_bytes,
                                                        const std::string& identity,
                                                        const std::filesystem::path& disk);

}  // namespace platen::hypervisor::images
