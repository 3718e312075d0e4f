// What is known of one service group, folded from its stream, and what should happen meanwhile.
//
// Reading order of an entity: state.hpp, decide.hpp, actor.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "actors/service/autoscale.hpp"
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

  std::optional<autoscale> scaling;  // absent: clients make its instances
  // Instances of its own making, until they have left, and those of them that are being ended.
  std::set<std::string> scaled;
  std::set<std::string> leaving;
  std::int64_t scaled_out_us = 0;
  std::int64_t scaled_in_us = 0;
  std::uint32_t scale_failures = 0;  // in a row
  std::int64_t scale_failed_us = 0;

  friend bool operator==(const state&, const state&) = default;
};

// Total and pure: replay is a fold of this. Events it does not know change only the version.
state evolve(state before, const events::envelope& event);
// The same in place.
void fold_into(state& value, const events::envelope& event);

// Deleted: it may be forgotten.
bool forgettable(const state& value);

struct effects {
  std::optional<std::int64_t> expires_at_us;  // unless an instance joins before
  friend bool operator==(const effects&, const effects&) = default;
};

effects wanted(const state& value);

// What autoscale has decided and is not there yet: instances to be made, and to be ended.
std::set<std::string> to_be_made(const state& value);
std::set<std::string> to_be_ended(const state& value);

// ScaledIn::policy of an instance that failed.
inline constexpr std::string_view failure_policy = "failure";

}  // namespace platen::actors::service_group
