// The page at "/": what this instance was given, and what it did not have to do again.
#pragma once

#include <string>

#include "tools/demo_image/server/warm_up.hpp"

namespace platen::demo {

// Reads the session folder anew. At most 100 files are shown, and 64 KiB of each.
std::string session_page(const std::string& session_folder, const warm_up_result& warmth,
                         bool is_clone);

}  // namespace platen::demo
