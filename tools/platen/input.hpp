// Files named on the command line.
#pragma once

#include <optional>
#include <string>

#include "tools/platen/client.hpp"

namespace platen::cli {

// All of a file, or of standard input for "-". Nothing if it cannot be opened.
std::optional<std::string> read_input(const std::string& file);

// As JSON of any kind.
result<json> read_json(const std::string& file);

}  // namespace platen::cli
