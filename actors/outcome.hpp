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
    locked,       // its delete lock is set
    quota,        // a configured limit
    busy,         // a queue is full: try again
    unavailable,  // the log failed; the daemon is ending
    attached,     // something else still uses it
    mismatch      // a certificate is for other names
  };
  kind what = kind::invalid;
  std::string message;  // one sentence for the user
};

using outcome = tl::expected<std::vector<events::event>, rejection>;

inline tl::unexpected<rejection> refuse(rejection::kind what, std::string message) {
  return tl::make_unexpected(rejection{what, std::move(message)});
}

inline outcome nothing() {
  return std::vector<events::event>{};
}

inline outcome one(events::event event) {
  return std::vector<events::event>{std::move(event)};
}

// The end of a console as an event carries it: its newest 16 KiB.
inline std::string newest_of_console(std::string text) {
  if (text.size() > events::console_tail_limit) {
    text.erase(0, text.size() - events::console_tail_limit);
  }
  return text;
}

}  // namespace platen::actors
