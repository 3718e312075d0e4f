// One simulation: a machine, daemons on it one after the other, clients, and everything that can go
// wrong, one small step after the other, all of it drawn from one seed.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "tests/simulation/actor_host.hpp"

namespace platen::simulation {

struct outcome {
  std::uint64_t seed = 0;
  std::string complaint;  // empty: every invariant held; otherwise its name and what is wrong
  std::uint64_t trace_hash = 0;
  std::size_t steps = 0;
  std::size_t events = 0;
  std::size_t commands = 0;
  std::size_t acknowledged = 0;
  std::size_t daemons = 0;
};

// `show` gets one line for everything that happens; null: nobody looks.
outcome simulate(std::uint64_t seed, actor_host& host, std::ostream* show = nullptr);

}  // namespace platen::simulation
