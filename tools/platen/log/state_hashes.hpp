// The canonical hashes of folded states, for comparing what two versions of Platen, or one version
// and what it wrote long ago, make of the same log. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "actors/world_digest.hpp"

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

// The digest of all entities, for following a log with many checkpoints: what did not change since
// the last look is not hashed again.
class world_digests {
 public:
  // Call it for each event that was folded in.
  void changed(const std::string& stream) { changed_.insert(stream); }

  // As actors::digest_of(all), for a world of which every change was told.
  const actors::world_digest& of(const actors::world& all);

 private:
  actors::world_digest sum_;
  std::map<std::string, events::digest> included_;  // by stream
  std::set<std::string> changed_;
};

}  // namespace platen::cli
