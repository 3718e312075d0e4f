// Keeps the state cache near the end of the log, and starts from it.
//
// The cache is folded from the log itself, not taken from the running actors: it is a second
// witness of what they hold, and needs no moment at which they all stand still.
#pragma once

#include "actors/replay.hpp"
#include "actors/world_digest.hpp"
#include "store/state_cache.hpp"

namespace platen::actors {

struct loaded_world {
  world all;                        // without entities that are forgettable()
  std::uint64_t events_folded = 0;  // that the cache did not have
  std::uint64_t states_taken = 0;   // from the cache
  std::string cache_refused;        // why the cache was not used; empty: it was, or there is none
};

// The world at the log's end: the cached states and the events since. A cache of another format, of
// another log or with damaged states is not used; the whole log is folded instead, and `cache` is
// cleared. `cache` may be null.
store::result<loaded_world> load_world(const store::event_log& log, store::state_cache* cache);

struct kept {
  store::head at;       // the cache has every event up to here
  world_digest digest;  // of the world then
};

// Folds what the log has and the cache has not into the cache, in steps of bounded size. Starts
// over where the cache is not of this log or format. One caller at a time; the log may grow.
store::result<kept> bring_up_to_date(const store::event_log& log, store::state_cache& cache);

}  // namespace platen::actors
