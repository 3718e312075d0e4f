// Small files of the daemon: secrets that only its user may read, and lines noted for others.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace platen::platend {

// Makes or replaces the file, mode 0600, synced; a crash leaves the old one or the whole new one.
// The error names the file and the reason.
tl::expected<void, std::string> write_private(const std::filesystem::path& file,
                                              const std::string& text);

// Adds a line at the end, synced; makes the file (0644) if it is missing.
tl::expected<void, std::string> append_line(const std::filesystem::path& file,
                                            const std::string& line);

}  // namespace platen::platend
