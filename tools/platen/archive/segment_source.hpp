// Log segments as the log that a command looks at.
#pragma once

#include <memory>

#include "store/segment/segment_log.hpp"
#include "tools/platen/outcome.hpp"

namespace platen::cli {

// not_found for a file that is not there, log_broken for one that is damaged.
result<std::unique_ptr<store::segment_log>> open_segments(const std::vector<std::string>& files);

}  // namespace platen::cli
