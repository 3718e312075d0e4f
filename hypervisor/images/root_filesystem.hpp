// Turns whatever a user hands in into one tree of files and the way to start it.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/images/image_store.hpp"

namespace platen::hypervisor::images {

struct assembled_image {
  std::filesystem::path root;  // below the work folder
  image_config config;         // the image's own; empty for a plain root file system
};

// `source` is a tar archive or a folder, of a root file system or of a packed image. Works in
// `work`, an empty folder that only its owner may enter, because set-user-id programs will be in
// it. `tag` chooses among the images of an OCI layout. Blocking, for as long as unpacking takes.
tl::expected<assembled_image, std::string> assemble_image(const std::filesystem::path& source,
                                                          const std::filesystem::path& work,
                                                          const std::string& tag,
                                                          const import_limits& limits);

}  // namespace platen::hypervisor::images
