// The clock that events are dated with.
#pragma once

#include <chrono>
#include <cstdint>

namespace platen::actors {

// Microseconds since the Unix epoch. May jump, also backwards: order comes from sequences.
inline std::int64_t wall_clock_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace platen::actors
