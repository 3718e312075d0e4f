// Which counts of requests are to be recorded, for instances that are to serve a certain number of
// them. Not each request is: after count_step of them, and when the instance does not run.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

namespace platen::gateway {

// A sixteenth of what it is to serve, at most 1,024.
inline std::uint64_t count_step(std::uint64_t most_requests) {
  constexpr std::uint64_t parts = 16;
  constexpr std::uint64_t longest = 1024;
  return std::clamp<std::uint64_t>(most_requests / parts, 1, longest);
}

// It gets no more than so many requests beyond those that are recorded: what a daemon that is
// killed forgets at most.
inline std::uint64_t most_unrecorded(std::uint64_t most_requests) {
  constexpr std::uint64_t least = 16;
  return std::max(least, 2 * count_step(most_requests));
}

// Of each instance one count is on its way to the log at a time. Thread-safe.
class request_counts {
 public:
  // False if one is under way.
  bool begin(const std::string& instance_id) {
    const std::lock_guard guard(mutex_);
    return under_way_.insert(instance_id).second;
  }
  void end(const std::string& instance_id) {
    const std::lock_guard guard(mutex_);
    under_way_.erase(instance_id);
    ended_.notify_all();
  }
  // False if some are still under way after `limit`.
  bool await_all(std::chrono::milliseconds limit) {
    std::unique_lock guard(mutex_);
    return ended_.wait_for(guard, limit, [&] { return under_way_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::set<std::string> under_way_;
};

}  // namespace platen::gateway
