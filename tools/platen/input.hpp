// Files named on the command line.
#pragma once

#include <optional>
#include <string>

namespace platen::cli {

// All of a file, or of standard input for "-". Nothing if it cannot be opened.
std::optional<std::string> read_input(const std::string& file);

}  // namespace platen::cli
