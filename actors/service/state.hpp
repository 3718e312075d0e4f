// What is known of one service group, folded from its stream, and what should happen meanwhile.
//
// Reading order of an entity: state.hpp, decide.hpp, actor.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "actors/service/settings.hpp"
#include "events/envelope.hpp"

namespace platen::actors::service_group {

enum class lifecycle {
  none,  // the stream is empty
  active,
  deleted
};

std::string_view to_string(lifecycle value);

struct state {
  std::string id;             // UUID
  std::uint64_t version = 0;  // of the newest event folded in
  std::string name;           // unique among living service groups
  bool persistent = false;    // false: it goes with its last instance
  settings how;
  lifecycle phase = lifecycle::none;
  std::int64_t created_us = 0;
  std::set<std::string> instances;  // UUIDs of its members, running or not
  std::int64_t empty_since_us = 0;  // 0: it has instances
  std::string deletion_reason;

  friend bool operator==(const state&, const state&) = default;
};

// Total and pure: replay is a fold of this. Events it does not know change only the version.
state evolve(state before, const events::envelope& event);

// Deleted: it may be forgotten.
bool forgettable(const state& value);

struct effects {
  std::optional<std::int64_t> expires_at_us;  // unless an instance joins before
  friend bool operator==(const effects&, const effects&) = default;
};

effects wanted(const state& value);

}  // namespace platen::actors::service_group
