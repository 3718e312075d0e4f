// The state of the world at any point of a log, going forward and back. Copies of the world are
// kept along the way so that going back is quick: at most 64 of them, and no more than 200,000
// entities in all; when there are more, every second one is dropped and the distance doubles.
#pragma once

#include <cstddef>
#include <functional>
#include <map>

#include "actors/replay.hpp"
#include "actors/state_changes.hpp"
#include "tools/platen/log/spool.hpp"

namespace platen::cli {

// Not thread-safe; the spool must outlive it.
class time_machine {
 public:
  explicit time_machine(const spool& log) : log_(log) {}

  // How many events are folded in; the newest of them is the present one.
  std::size_t position() const { return position_; }
  const actors::world& now() const { return now_; }

  // To a position from 0 to the log's size.
  result<void> move_to(std::size_t position);

  // Is shown an event and the world after it.
  using matcher = std::function<bool(const events::envelope&, const actors::world& after)>;

  // To the next event that matches, or to the end. Whether one did.
  result<bool> forward_to(const matcher& matches);

  // To the newest event before the present one that matches, or before the first. Whether one did.
  result<bool> back_to(const matcher& matches);

  // What the present event changed in its entity. Needs a position above 0.
  result<std::vector<actors::field_change>> present_changes() const;

  std::size_t checkpoints() const { return checkpoints_.size(); }

 private:
  void fold(const events::envelope& event);
  void keep_checkpoint();
  // The newest world kept for a position up to this one, and its position.
  std::pair<std::size_t, actors::world> world_at_most(std::size_t position) const;
  result<std::size_t> newest_match(std::size_t from, actors::world world, std::size_t to,
                                   const matcher& matches) const;

  const spool& log_;
  std::size_t position_ = 0;
  actors::world now_;
  std::map<std::size_t, actors::world> checkpoints_;  // by position
  std::size_t interval_ = 256;
};

}  // namespace platen::cli
