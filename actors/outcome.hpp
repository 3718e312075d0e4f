// What deciding on a command comes to: events to append (none: it was already so), or a refusal.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "events/event.hpp"

namespace platen::actors {

struct rejection {
  enum class kind {
    not_found,
    name_taken,
    invalid,      // the message names the field
    wrong_state,  // e.g. starting what runs
    quota,        // a configured limit
    busy,         // a queue is full: try again
    unavailable   // the log failed; the daemon is ending
  };
  kind what = kind::invalid;
  std::string message;  // one sentence for the user
};

using outcome = tl::expected<std::vector<events::event>, rejection>;

}  // namespace platen::actors
