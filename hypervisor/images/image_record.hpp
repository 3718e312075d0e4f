// The two kinds of JSON file of the image store.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "hypervisor/images/image_store.hpp"

namespace platen::hypervisor::images {

// image.json: all of an image but its name and the place of its disk.
std::string to_json(const image& record);
tl::expected<image, std::string> image_from_json(std::string_view text);

// Equal configs have equal text.
std::string canonical_text(const image_config& config);

// names.json: name -> digest.
std::string names_to_json(const std::map<std::string, std::string>& names);
tl::expected<std::map<std::string, std::string>, std::string> names_from_json(
    std::string_view text);

}  // namespace platen::hypervisor::images
