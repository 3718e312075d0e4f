// Where the guest's kernel and initramfs are.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace platen::platend {

// `configured`, or ../share/platen/guest beside the executable if it is empty: the folder with
// bundle.json, which names the other files. The error says what is missing and what to do.
tl::expected<std::filesystem::path, std::string> find_guest_bundle(
    const std::filesystem::path& configured);

}  // namespace platen::platend
