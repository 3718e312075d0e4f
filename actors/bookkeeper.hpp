// What is kept about the log while the daemon runs: the cache of states that the next start begins
// from, and signed checkpoints. A thread of its own, woken by the log.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "actors/state_keeper.hpp"
#include "store/checkpoint.hpp"
#include "store/event_log.hpp"
#include "store/state_cache.hpp"

namespace platen::actors {

inline constexpr const char* checkpoint_stream = "system/checkpoints";

class bookkeeper {
 public:
  struct options {
    // A checkpoint follows after so many events, or that long after the first of them.
    std::uint64_t every_events = 10'000;
    std::chrono::milliseconds at_latest{60'000};
    std::function<std::int64_t()> now_us;  // wall clock, microseconds since the Unix epoch
    // Told of each checkpoint once it is durable, from this thread; may block.
    std::function<void(const events::checkpoint_signed&)> witness;
    // Told of what went wrong and is tried again later, one sentence; from this thread.
    std::function<void(const std::string&)> warn;
  };

  // Begins at once: an old cache is brought up to date in the background. All must outlive it.
  bookkeeper(options how, store::event_log& log, store::state_cache& cache,
             const store::signing_key& key);
  // As finish().
  ~bookkeeper();

  bookkeeper(const bookkeeper&) = delete;
  bookkeeper& operator=(const bookkeeper&) = delete;

  // Covers what is not yet covered, then ends. Blocking; idempotent. Call it when nothing else is
  // appended any more.
  void finish();

 private:
  using clock = std::chrono::steady_clock;

  void run();
  // Waits until there is enough to cover. False: to finish.
  bool await_work();
  void cover();
  void warn(const std::string& what) const;

  options how_;
  store::event_log& log_;
  store::state_cache& cache_;
  const store::signing_key& key_;
  std::uint64_t subscription_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t newest_ = 0;   // event of the log
  std::uint64_t covered_ = 0;  // event that needs no further checkpoint, nor do those before it
  std::optional<clock::time_point> due_;
  bool finishing_ = false;
  std::thread thread_;
};

}  // namespace platen::actors
