// The expensive start of the demo: what a template saves its clones.
#pragma once

#include <chrono>
#include <cstdint>

namespace platen::demo {

struct warm_up_result {
  std::uint64_t limit = 0;  // primes were counted below this
  std::uint64_t primes = 0;
  std::chrono::milliseconds took{};
};

// Counts primes, step by step, and tells its progress on standard output. Each step takes an equal
// share of `duration` at least: what the counting leaves of it is waited for, as a real start-up
// waits for its downloads, so that the demo takes about as long on a fast machine as on a slow one.
warm_up_result warm_up(std::chrono::milliseconds duration);

}  // namespace platen::demo
