// How long things took, read off the times of events: since the stream's previous event, and for
// events that end a step (a preparation, a clone, a start, a run), the whole step. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "events/envelope.hpp"

namespace platen::cli {

struct step_time {
  std::string name;  // "prepare", "clone", "start", "ran", "stop", "up", "request", "lived"
  std::int64_t us = 0;
};

// Microseconds by the wall clock as recorded, which may jump: a duration is never negative, a
// jump back counts as nothing.
struct event_times {
  std::optional<std::int64_t> since_previous;
  std::optional<step_time> step;
};

// Feed it every event of a stretch of the log, in order. It remembers a few times a living entity.
class step_clock {
 public:
  event_times next(const events::envelope& event);

 private:
  class reader;
  struct stream_times {
    std::int64_t previous_us = 0;
    std::map<std::string, std::int64_t> begun;  // by the step's name, clones with their instance
  };
  std::map<std::string, stream_times> streams_;
};

}  // namespace platen::cli
