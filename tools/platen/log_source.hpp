// The event log that a command is to look at, wherever it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "store/event_log.hpp"
#include "tools/platen/context.hpp"

namespace platen::cli {

// Whether that is the running daemon's, which goes on growing.
bool reads_daemon(const context& ctx);

// The arguments with which another platen program reads the same log, where it is not the daemon's.
std::vector<std::string> log_arguments(const context& ctx);

// With --segment the segments, with --data the one on disk, else the running daemon's. For reading
// only.
result<std::unique_ptr<store::event_log>> open_log(const context& ctx);

}  // namespace platen::cli
