// The canonical hashes of folded states, for comparing what two versions of Platen, or one version
// and what it wrote long ago, make of the same log. Pure.
#pragma once

#include <optional>
#include <string>

#include "actors/replay.hpp"

namespace platen::cli {

// "SEQ STREAM VERSION HASH": a state hash after an event, as `platen replay --hashes` prints it.
struct state_line {
  std::uint64_t sequence = 0;
  std::string stream;
  std::uint64_t version = 0;
  std::string hash;  // lower-case hex
  friend bool operator==(const state_line&, const state_line&) = default;
};

// Nothing for events of streams that have no state. `after` has the event folded in.
std::optional<state_line> line_of(const actors::world& after, const events::envelope& event);

std::string to_text(const state_line& line);
std::optional<state_line> parse_state_line(const std::string& text);

// Of all entities: SHA-256 over the stream, a zero byte and the state hash of each template, then
// of each instance, in the order of their UUIDs. Lower-case hex.
std::string world_hash(const actors::world& all);

}  // namespace platen::cli
