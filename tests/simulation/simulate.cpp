// simulate: runs the control plane through seeded simulations. tools/simulate builds and starts it.
#include <CLI/CLI.hpp>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <map>

#include "tests/simulation/seeds.hpp"

namespace {

using namespace platen::simulation;

constexpr int broken_promise = 1;
constexpr std::size_t broken_shown = 10;

int show_one(std::uint64_t seed) {
  actor_host host;
  const auto result = simulate(seed, host, &std::cout);
  if (result.complaint.empty()) {
    std::cout << "seed " << seed << ": every promise was kept, " << result.steps << " steps, "
              << result.events << " events, trace " << std::hex << result.trace_hash << '\n';
    return 0;
  }
  std::cout << report(result) << '\n';
  return broken_promise;
}

// How many seeds broke which promise.
void show_promises(const std::vector<outcome>& broken) {
  std::map<std::string, std::size_t> by_name;
  for (const auto& one : broken)
    ++by_name[one.complaint.substr(0, one.complaint.find(':'))];
  for (const auto& [name, count] : by_name)
    std::cout << std::setw(6) << count << "  " << name << '\n';
}

int run_many(const seed_range& which, std::size_t broken_at_most) {
  const auto begin = std::chrono::steady_clock::now();
  const auto all = run_seeds(which, broken_at_most);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  for (std::size_t i = 0; i < std::min(all.broken.size(), broken_shown); ++i)
    std::cout << report(all.broken[i]) << '\n';
  show_promises(all.broken);
  std::cout << all.seeds << " seeds from " << which.from << " (" << all.run_twice
            << " of them twice), " << all.broken.size() << " broke a promise; " << all.steps
            << " steps, " << all.events << " events, " << all.acknowledged << " of " << all.commands
            << " commands acknowledged, " << all.daemons << " daemons; " << took.count() << " s\n";
  return all.broken.empty() ? 0 : broken_promise;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Seeded simulations of the whole control plane.", "simulate");
  seed_range which{1, 10'000, 1};
  std::uint64_t one = 0;
  std::size_t broken_at_most = 1;
  app.add_option("--seeds", which.count, "How many seeds to run [10000]");
  app.add_option("--from", which.from, "The first of them [1]");
  app.add_option("--step", which.step, "From one seed to the next, to share them out [1]");
  app.add_option("--broken", broken_at_most, "Go on until this many seeds broke a promise [1]");
  auto* const single = app.add_option("--seed", one, "Run this one and show what happens");
  CLI11_PARSE(app, argc, argv);
  return single->count() > 0 ? show_one(one) : run_many(which, broken_at_most);
}
