// Names of images: like OCI references without a registry.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace platen::hypervisor::images {

inline constexpr std::size_t image_name_limit = 255;

// The name with its tag; "latest" where none is given. A name is parts of [a-z0-9._-] that are
// divided by '/', then optionally ':' and a tag of at most 128 of [A-Za-z0-9._-]. The error is a
// sentence that says what is wrong and what is allowed.
tl::expected<std::string, std::string> full_image_name(std::string_view name);

}  // namespace platen::hypervisor::images
