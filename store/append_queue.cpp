#include "store/append_queue.hpp"

#include <utility>

namespace platen::store {

append_queue::append_queue(std::size_t events_max, std::size_t bytes_max)
    : events_max_(events_max), bytes_max_(bytes_max) {}

std::optional<error> append_queue::push(queued_append& item) {
  const std::size_t events = item.request.what.size();
  const std::size_t bytes = item.request.bytes;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return failure_;
    if (closed_) return error{error::kind::closed, "the event log is closed"};
    if (events_ + events > events_max_ || bytes_ + bytes > bytes_max_)
      return error{error::kind::busy,
                   std::to_string(events_) + " events are waiting for the disk, try again later"};
    events_ += events;
    bytes_ += bytes;
    waiting_.push_back(std::move(item));
  }
  work_.notify_one();
  return std::nullopt;
}

std::vector<queued_append> append_queue::take() {
  std::unique_lock lock(mutex_);
  work_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
  taken_events_ = events_;
  taken_bytes_ = bytes_;
  return std::exchange(waiting_, {});
}

void append_queue::release_taken() {
  const std::lock_guard lock(mutex_);
  events_ -= taken_events_;
  bytes_ -= taken_bytes_;
  taken_events_ = taken_bytes_ = 0;
}

std::vector<queued_append> append_queue::fail(const error& why) {
  const std::lock_guard lock(mutex_);
  failure_ = why;
  events_ = bytes_ = taken_events_ = taken_bytes_ = 0;
  return std::exchange(waiting_, {});
}

void append_queue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  work_.notify_all();
}

}  // namespace platen::store
