// Asking the control plane for something and waiting for its answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "actors/control_plane.hpp"

namespace platen::http {

// A command is answered once its events are durable: within milliseconds, unless the disk is
// stuck.
inline constexpr std::chrono::seconds command_time{30};

// The answer to one command, for one waiting thread.
template <class T>
class pending_answer {
 public:
  // May be called from any thread, also after the waiting thread gave up.
  typename actors::control_plane::callback<T> callback() const {
    return [box = box_](actors::answer<T> given) {
      const std::lock_guard lock(box->mutex);
      box->given = std::move(given);
      box->arrived.notify_all();
    };
  }

  actors::answer<T> wait() const {
    std::unique_lock lock(box_->mutex);
    const bool arrived =
        box_->arrived.wait_for(lock, command_time, [this] { return box_->given.has_value(); });
    if (arrived) return *std::move(box_->given);
    return tl::unexpected(actors::rejection{
        actors::rejection::kind::unavailable,
        "the event log did not answer in time; whether the request was recorded is not known"});
  }

 private:
  struct box {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<actors::answer<T>> given;
  };
  std::shared_ptr<box> box_ = std::make_shared<box>();
};

}  // namespace platen::http
