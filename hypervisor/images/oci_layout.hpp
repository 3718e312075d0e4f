// Images as other tools write them: OCI image layouts, and the archives of `docker save`.
//
// Nothing in them is trusted: files are opened below the folder without following links, and each
// is compared with the digest and size that names it before it is used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/images/image_store.hpp"
#include "hypervisor/images/unique_fd.hpp"

namespace platen::hypervisor::images {

struct image_layer {
  std::string shown_name;  // for messages: the digest, or the file's name
  unique_fd file;          // verified, if its digest was known
  std::string diff_id;     // SHA-256 of the uncompressed layer; empty if the image does not say
};

struct packed_image {
  image_config config;
  std::vector<image_layer> layers;  // lowest first
};

bool is_oci_layout(const std::filesystem::path& folder);
bool is_docker_archive(const std::filesystem::path& folder);

// Chooses the image for linux/amd64; where there are several, the one whose reference is `tag`,
// else the first. The error is a sentence.
tl::expected<packed_image, std::string> read_oci_layout(const std::filesystem::path& folder,
                                                        const std::string& tag);
tl::expected<packed_image, std::string> read_docker_archive(const std::filesystem::path& folder);

}  // namespace platen::hypervisor::images
