// What events make of a state, and a walk over every sequence of commands to a depth, which hands
// each reached state to a check, together with the events that led there.
#pragma once

#include <functional>
#include <vector>

#include "actors/outcome.hpp"
#include "events/envelope.hpp"

namespace platen::actors::tests {

// The state behind these events, which all happen at one time.
template <class State>
State after(State now, const std::vector<events::event>& what, std::int64_t time_us) {
  for (const auto& event : what) {
    events::envelope wrapped;
    wrapped.version = now.version + 1;
    wrapped.time_us = time_us;
    wrapped.what = event;
    now = evolve(std::move(now), wrapped);
  }
  return now;
}

template <class State, class Command>
class walk {
 public:
  struct step {
    const std::vector<events::envelope>& history;
    const State& before;
    const Command& command;
    const outcome& decided;
    const State& after;
  };

  walk(std::vector<Command> commands, std::function<void(const step&)> check)
      : commands_(std::move(commands)), check_(std::move(check)) {}

  void from(const State& start, int depth) { visit(start, depth); }
  std::size_t steps() const { return steps_; }

 private:
  void visit(const State& before, int depth) {
    if (depth == 0) return;
    for (const auto& command : commands_) {
      const outcome decided = decide(before, command);
      const auto length = history_.size();
      State after = before;
      if (decided) {
        for (const auto& event : *decided) {
          events::envelope wrapped;
          wrapped.version = after.version + 1;
          wrapped.time_us = static_cast<std::int64_t>(history_.size() + 1) * 1'000'000;
          wrapped.what = event;
          after = evolve(std::move(after), wrapped);
          history_.push_back(std::move(wrapped));
        }
      }
      ++steps_;
      check_({history_, before, command, decided, after});
      // A command without events leads nowhere new.
      if (history_.size() != length) visit(after, depth - 1);
      history_.resize(length);
    }
  }

  std::vector<Command> commands_;
  std::function<void(const step&)> check_;
  std::vector<events::envelope> history_;
  std::size_t steps_ = 0;
};

}  // namespace platen::actors::tests
