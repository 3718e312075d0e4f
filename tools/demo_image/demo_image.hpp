// The image `platen/demo:v1`: a server that takes seconds to warm up, becomes a template, and then
// shows whose clone it is. What it serves is described in README.md.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "hypervisor/images/image_store.hpp"

namespace platen::demo {

inline constexpr std::string_view demo_image_name = "platen/demo:v1";

// The bytes of an uncompressed tar archive of the root file system, about 4 MB, for
// image_store::import. Equal programs and an equal busybox give equal bytes. Fails with a sentence
// if the host has no static busybox (Debian: busybox-static). Thread-safe.
tl::expected<std::string, std::string> build_demo_image_tar();

// How the image is started.
hypervisor::image_config demo_image_config();

}  // namespace platen::demo
