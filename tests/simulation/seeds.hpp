// Many simulations, one seed after the other, and what to say about one that broke a promise.
#pragma once

#include <functional>

#include "tests/simulation/simulation.hpp"

namespace platen::simulation {

struct seed_range {
  std::uint64_t from = 1;
  std::uint64_t count = 1;
  std::uint64_t step = 1;  // from, from + step, ...
};

struct summary {
  std::uint64_t seeds = 0;
  std::uint64_t run_twice = 0;  // every twentieth seed, to see that it gives the same run
  std::uint64_t steps = 0;
  std::uint64_t events = 0;
  std::uint64_t commands = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t daemons = 0;
  std::vector<outcome> broken;
};

// Stops when `broken_at_most` seeds have broken something. `done` is called after each seed.
summary run_seeds(const seed_range& which, std::size_t broken_at_most,
                  const std::function<void(const outcome&)>& done = nullptr);

// The seed, the commit, what broke and the command that repeats it.
std::string report(const outcome& broken);

}  // namespace platen::simulation
