// The event log that a command is to look at, wherever it is.
#pragma once

#include <memory>

#include "store/event_log.hpp"
#include "tools/platen/context.hpp"

namespace platen::cli {

// With --segment the segments, with --data the one on disk, else the running daemon's. For reading
// only.
result<std::unique_ptr<store::event_log>> open_log(const context& ctx);

}  // namespace platen::cli
