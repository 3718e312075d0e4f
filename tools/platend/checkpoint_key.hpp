// The key that the daemon signs its checkpoints with.
#pragma once

#include <filesystem>

#include "store/checkpoint.hpp"

namespace platen::platend {

// Reads `file`, or makes a key there (PEM, mode 0600) and its public half beside it, as one line of
// hex in `<file>.pub`: what an auditor is given.
tl::expected<store::signing_key, std::string> read_or_make_checkpoint_key(
    const std::filesystem::path& file);

}  // namespace platen::platend
