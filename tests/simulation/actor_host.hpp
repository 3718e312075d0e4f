// CAF under control: an actor system whose messages are handled one at a time, in the order that
// the caller chooses, and whose clock stands still until it is moved.
//
// Making an actor system takes longer than a whole simulation, so it is used again and again;
// clear() leaves nothing of the one before.
#pragma once

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <optional>

namespace platen::simulation {

class actor_host {
 public:
  actor_host();

  caf::actor_system& system() { return system_; }

  // Actors that have a message to handle.
  std::size_t ready() { return coordinator().jobs.size(); }

  // Lets the n-th of them handle one message.
  void run(std::size_t n);

  // Microseconds until the next timer fires; none if there is none.
  std::optional<std::int64_t> next_timer_us();
  void advance_us(std::int64_t us);

  // Runs what is left, which should be actors on their way out, and drops all timers.
  void clear();

 private:
  caf::scheduler::test_coordinator& coordinator();

  caf::actor_system_config config_;
  caf::actor_system system_;
};

}  // namespace platen::simulation
