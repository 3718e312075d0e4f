// The bounded queue between those who append and the one who writes. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "store/prepared_append.hpp"

namespace platen::store {

struct queued_append {
  prepared_append request;
  event_log::append_callback done;
};

class append_queue {
 public:
  append_queue(std::size_t events_max, std::size_t bytes_max);

  // Takes `item`, or leaves it as it is and says why: kind::busy, kind::closed, or the failure.
  std::optional<error> push(queued_append& item);

  // Waits for work and takes all of it. Empty only when the queue is closed and nothing is left.
  // What was taken goes on counting towards the limits until release_taken().
  std::vector<queued_append> take();

  // What was taken is decided: there is room for as much again.
  void release_taken();

  // Refuses everything from now on with `why` and hands out what was waiting.
  std::vector<queued_append> fail(const error& why);

  void close();

 private:
  const std::size_t events_max_;
  const std::size_t bytes_max_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::vector<queued_append> waiting_;
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  std::size_t taken_events_ = 0;
  std::size_t taken_bytes_ = 0;
  bool closed_ = false;
  std::optional<error> failure_;
};

}  // namespace platen::store
