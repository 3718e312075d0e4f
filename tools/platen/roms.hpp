// Inline ROMs of a create request, from files and texts of the command line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/platen/outcome.hpp"

namespace platen::cli {

// `files`: "NAME=AT=DIR|FILE", a ROM of all regular files below DIR or of one file.
// `texts`: "AT/PATH=text", all texts with the same AT folder in one ROM named after it.
// Answers the `roms` array; the failure names the option. Limits of size and number are the
// daemon's to check, except that a file larger than an inline ROM may be is not read.
result<nlohmann::json> inline_roms(const std::vector<std::string>& files,
                                   const std::vector<std::string>& texts);

}  // namespace platen::cli
