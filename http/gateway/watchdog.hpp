// Ends what a connection waits for when its time is up. To give more time costs one store: the
// timer is set anew only when it fires too early or would fire too late.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "http/gateway/asio.hpp"

namespace platen::gateway {

// Of one thread.
class watchdog {
 public:
  using clock = std::chrono::steady_clock;

  // `bark` is called at most once each time it is asleep too long, on `where`; never after the
  // watchdog's end. It is to cancel what is waited for.
  watchdog(asio::io_context& where, std::function<void()> bark)
      : core_(std::make_shared<core>(where, std::move(bark))) {}
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() {
    core_->bark = nullptr;
    core_->timer.cancel();
  }

  // What follows may take so long.
  void allow(std::chrono::milliseconds time) {
    core_->due = clock::now() + time;
    core_->barked = false;
    if (!core_->armed || core_->due < core_->armed_until) arm(core_);
  }

  // The time that was allowed last is over.
  bool barked() const { return core_->barked; }

 private:
  struct core {
    core(asio::io_context& where, std::function<void()> call)
        : timer(where), bark(std::move(call)) {}
    asio::steady_timer timer;
    std::function<void()> bark;
    clock::time_point due{};
    clock::time_point armed_until{};
    bool armed = false;
    bool barked = false;
  };

  static void arm(const std::shared_ptr<core>& of) {
    of->armed = true;
    of->armed_until = of->due;
    of->timer.expires_at(of->due);
    of->timer.async_wait([of](const error_code& error) {
      if (error || !of->bark) return;
      of->armed = false;
      if (clock::now() < of->due) return arm(of);
      of->barked = true;
      of->bark();
    });
  }

  std::shared_ptr<core> core_;
};

}  // namespace platen::gateway
