// What a process has used so far, as Linux tells it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace platen::http {

struct process_use {
  std::uint64_t rss_bytes = 0;    // resident now, memory shared with other processes included
  std::uint64_t cpu_time_ms = 0;  // user and system, of all its threads
};

// Nothing if it has ended, or if `mark` is neither in its command line nor in the name of the
// folder it works in: a pid is given to another process some time after.
std::optional<process_use> use_of_process(std::uint32_t pid, std::string_view mark);

std::optional<process_use> use_of_this_process();

}  // namespace platen::http
