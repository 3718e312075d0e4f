// Files of a snapshot that lie elsewhere, on a tmpfs perhaps, with symbolic links in their place.
// Blocking; no state.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace platen::hypervisor::qemu {

// Moves `file` into `folder`, which is made (mode 0700) if it is missing, and leaves a link to it.
// The link is there before the copy, so whatever a crash leaves is found by remove_with_linked().
tl::expected<void, std::string> move_behind_link(const std::filesystem::path& file,
                                                 const std::filesystem::path& folder);

// A link to what is not there any more.
bool leads_nowhere(const std::filesystem::path& file);

// Deletes a snapshot's folder with all that links in it lead to, and the folders of that.
void remove_with_linked(const std::filesystem::path& folder);

}  // namespace platen::hypervisor::qemu
