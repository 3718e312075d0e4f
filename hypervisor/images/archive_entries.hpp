// Tar archives (of any compression libarchive knows) and folders, unpacked into a staging tree.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/images/staging_tree.hpp"

namespace platen::hypervisor::images {

// What may still be unpacked. Shared by all layers of an image.
struct unpack_budget {
  std::uint64_t content_bytes = 0;
  std::uint64_t entries = 0;

  // Errors complete "the entry NAME …".
  tl::expected<void, std::string> take(std::uint64_t bytes);
};

enum class archive_kind {
  plain,      // every entry is a file of the image
  oci_layer,  // ".wh." entries remove files of the layers below
};

// Unpacks the tar archive that begins at the descriptor's first byte. Regular files, folders,
// symbolic and hard links are kept, with owners when the process is root. Devices, pipes and
// sockets in dev/ are left out, because the guest makes its own; elsewhere they are refused.
// The error is a sentence. What was unpacked before an error stays in the tree.
tl::expected<void, std::string> unpack_archive(int fd, archive_kind kind, staging_tree& tree,
                                               unpack_budget& budget);

// Copies a folder in the same way. Links in it are copied, not followed.
tl::expected<void, std::string> copy_folder(const std::filesystem::path& folder, staging_tree& tree,
                                            unpack_budget& budget);

// Writes the decompressed bytes of `compressed` (which may be uncompressed) to `plain`, at most
// `limit` of them, and answers their SHA-256.
tl::expected<std::string, std::string> decompress(int compressed, int plain, std::uint64_t limit);

}  // namespace platen::hypervisor::images
