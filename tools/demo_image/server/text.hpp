// Small files of the system, and text made safe to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace platen::demo {

// At most `limit` bytes of the file; empty if it cannot be read. Links are not followed.
std::string read_file(const std::string& path, std::size_t limit);

// The first line of a file of the kernel, without its end.
std::string read_line(const std::string& path);

std::string host_name();
std::string html_escaped(std::string_view text);
std::string json_string(std::string_view text);  // with its quotes

}  // namespace platen::demo
