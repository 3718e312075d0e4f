#include <condition_variable>
#include <map>
#include <thread>

#include "hypervisor/sim/sim_driver.hpp"

namespace platen::hypervisor {

namespace {

class timer_thread {
 public:
  timer_thread() : thread_([this] { run(); }) {}

  ~timer_thread() {
    {
      const std::lock_guard guard(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void add(std::uint64_t delay_ms, std::function<void()> step) {
    {
      const std::lock_guard guard(mutex_);
      due_.emplace(clock::now() + std::chrono::milliseconds(delay_ms), std::move(step));
    }
    changed_.notify_all();
  }

 private:
  using clock = std::chrono::steady_clock;

  void run() {
    std::unique_lock guard(mutex_);
    while (!stopping_) {
      if (due_.empty()) {
        changed_.wait(guard);
      } else if (due_.begin()->first > clock::now()) {
        changed_.wait_until(guard, due_.begin()->first);
      } else {
        auto step = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        guard.unlock();
        step();
        guard.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<clock::time_point, std::function<void()>> due_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace

scheduler real_time_scheduler() {
  auto timers = std::make_shared<timer_thread>();
  return [timers](std::uint64_t delay_ms, std::function<void()> step) {
    timers->add(delay_ms, std::move(step));
  };
}

}  // namespace platen::hypervisor
