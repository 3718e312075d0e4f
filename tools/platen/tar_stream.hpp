// A folder as a tar archive, made while it is sent.
#pragma once

#include <filesystem>

#include "tools/platen/client.hpp"

namespace platen::cli {

inline const std::string broken_off = "the connection broke off during the upload";

// Writes everything below `folder` with owners, modes, times, links and extended attributes. The
// error is one sentence that names the file at fault.
tl::expected<void, std::string> write_tar(const std::filesystem::path& folder,
                                          const client::writer& write);

// Writes the bytes of a file.
tl::expected<void, std::string> write_file(const std::filesystem::path& file,
                                           const client::writer& write);

}  // namespace platen::cli
