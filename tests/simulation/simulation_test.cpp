// The whole control plane under seeded faults; invariants.hpp says what must hold after each step.
#include <catch2/catch.hpp>
#include <sstream>

#include "tests/simulation/seeds.hpp"

using namespace platen::simulation;

namespace {

constexpr std::uint64_t shares = 4;  // which ctest runs side by side
constexpr std::uint64_t seeds_a_share = PLATEN_SIMULATION_SEEDS / shares;

}  // namespace

TEMPLATE_TEST_CASE_SIG(
    "P1 P2 P3 P5 P7: whatever goes wrong, the control plane keeps the log's promises", "",
    ((std::uint64_t share), share), 0, 1, 2, 3) {
  const auto all = run_seeds({1 + share * seeds_a_share, seeds_a_share, 1}, 1);
  for (const auto& broken : all.broken)
    FAIL_CHECK(report(broken));
  CHECK(all.seeds == seeds_a_share);
  CHECK(all.run_twice >= seeds_a_share / 20);
  // A simulation in which nothing happens would keep every promise.
  CHECK(all.acknowledged > seeds_a_share * 5);
  CHECK(all.daemons > seeds_a_share * 2);
}

TEST_CASE("the same seed gives the same run, another seed another one") {
  actor_host first_host;
  actor_host other_host;
  const auto first = simulate(4711, first_host);
  CHECK(simulate(4712, first_host).trace_hash != first.trace_hash);
  CHECK(simulate(4711, first_host).trace_hash == first.trace_hash);
  CHECK(simulate(4711, other_host).trace_hash == first.trace_hash);
  std::ostringstream shown;
  CHECK(simulate(4711, first_host, &shown).trace_hash == first.trace_hash);
  CHECK(shown.str().find("daemon") != std::string::npos);
}
