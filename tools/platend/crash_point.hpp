// For tests: ends the daemon with SIGKILL at one event of its log, to see what the next one makes
// of it. Compiled in with the CMake option PLATEN_CRASH_POINTS; without it nothing is looked at.
//
//   PLATEN_CRASH_AT_SEQUENCE=N   the first group of events that reaches sequence N
//   PLATEN_CRASH_WHEN=MOMENT     before_write (default), synced or answered, as in
//                                store::commit_stage
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "store/rocksdb_log.hpp"

namespace platen::platend {

// Null if the environment names no crash point. The error names the variable at fault.
tl::expected<store::commit_watcher, std::string> crash_point_from(
    const std::function<std::optional<std::string>(const std::string& variable)>& environment);

}  // namespace platen::platend
