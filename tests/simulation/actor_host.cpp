#include "tests/simulation/actor_host.hpp"

namespace platen::simulation {

namespace {

caf::actor_system_config& for_tests(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

}  // namespace

actor_host::actor_host() : system_(for_tests(config_)) {
  clear();
}

caf::scheduler::test_coordinator& actor_host::coordinator() {
  return static_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
}

void actor_host::run(std::size_t n) {
  auto& jobs = coordinator().jobs;
  std::swap(jobs.front(), jobs[n]);
  coordinator().run_once();
}

std::optional<std::int64_t> actor_host::next_timer_us() {
  const auto& timers = coordinator().clock().schedule();
  if (timers.empty()) return std::nullopt;
  const auto wait = timers.begin()->first - coordinator().clock().now();
  return std::chrono::duration_cast<std::chrono::microseconds>(wait).count();
}

void actor_host::advance_us(std::int64_t us) {
  coordinator().clock().advance_time(std::chrono::microseconds(us));
}

void actor_host::clear() {
  while (!coordinator().jobs.empty())
    coordinator().run_once();
  coordinator().clock().cancel_all();
  // Dropping a timer may have been the end of the actor it referred to.
  while (!coordinator().jobs.empty())
    coordinator().run_once();
}

}  // namespace platen::simulation
