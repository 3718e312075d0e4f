#include "tests/simulation/seeds.hpp"

#include <cstdlib>

namespace platen::simulation {

namespace {

constexpr std::uint64_t twice_every = 20;

std::string commit() {
  const char* said = std::getenv("PLATEN_COMMIT");
  return said != nullptr ? said : PLATEN_COMMIT_CONFIGURED;
}

void add(summary& to, const outcome& one) {
  ++to.seeds;
  to.steps += one.steps;
  to.events += one.events;
  to.commands += one.commands;
  to.acknowledged += one.acknowledged;
  to.daemons += one.daemons;
}

}  // namespace

summary run_seeds(const seed_range& which, std::size_t broken_at_most,
                  const std::function<void(const outcome&)>& done) {
  actor_host host;
  summary all;
  for (std::uint64_t i = 0; i < which.count && all.broken.size() < broken_at_most; ++i) {
    const auto seed = which.from + i * which.step;
    auto one = simulate(seed, host);
    if (seed % twice_every == 0) {
      ++all.run_twice;
      if (simulate(seed, host).trace_hash != one.trace_hash && one.complaint.empty())
        one.complaint = "the_same_seed_gives_the_same_run: the second run was another one";
    }
    add(all, one);
    if (!one.complaint.empty()) all.broken.push_back(one);
    if (done) done(one);
  }
  return all;
}

std::string report(const outcome& broken) {
  const auto seed = std::to_string(broken.seed);
  return "seed " + seed + ", commit " + commit() + ": " + broken.complaint +
         "\nrepeat it with: tools/simulate --seed " + seed;
}

}  // namespace platen::simulation
