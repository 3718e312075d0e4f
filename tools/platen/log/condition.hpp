// The conditions of a breakpoint: on an event, or on the state of its entity after it. Pure.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "events/envelope.hpp"
#include "tools/platen/log/name_book.hpp"
#include "tools/platen/outcome.hpp"

namespace platen::cli {

// "type=InstanceFailed", "attempt>1". Of the event: type, stream, origin, principal, request_id,
// command. Every other field is looked for in the state after the event, by its path.
struct condition {
  enum class comparison { equal, not_equal, less, less_or_equal, greater, greater_or_equal };

  std::string field;
  comparison how = comparison::equal;
  std::string value;
};

// All of the conditions have to hold.
struct breakpoint {
  std::string text;  // as typed
  std::vector<condition> conditions;
};

// The error names the word at fault. A field, an event type or an origin that does not exist is
// refused, and so is a comparison by size on a field of the event.
result<breakpoint> parse_breakpoint(const std::vector<std::string>& words);

// Makes the state after an event; null for streams that have none. Costs more than an event, so it
// is asked only where a condition needs it.
using state_source = std::function<nlohmann::json()>;

// A field that is not there equals nothing. A stream is given by its name or, by `names`, as
// KIND/NAME. Numbers are compared as numbers, everything else as text.
bool holds(const breakpoint& when, const events::envelope& event, const state_source& state,
           const name_book& names);

}  // namespace platen::cli
