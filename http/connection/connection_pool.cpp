#include "http/connection/connection_pool.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace platen::http {

connection_pool::connection_pool(std::size_t limit, std::chrono::milliseconds idle)
    : limit_(limit), idle_(idle) {}

connection_pool::~connection_pool() {
  shutdown();
}

bool connection_pool::run(job work) {
  std::unique_lock lock(mutex_);
  join_ended(lock);
  if (shut_down_) return false;
  if (jobs_.size() >= idle_threads_ && !start_thread()) return false;
  jobs_.push_back(std::move(work));
  changed_.notify_one();
  return true;
}

// The new thread counts as idle at once, so that the job pushed next is its own.
bool connection_pool::start_thread() {
  if (threads_.size() >= limit_) return false;
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    return false;
  }
  ++idle_threads_;
  return true;
}

void connection_pool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, idle_, [this] { return !jobs_.empty() || shut_down_; });
    if (jobs_.empty()) break;
    auto next = std::move(jobs_.front());
    jobs_.pop_front();
    --idle_threads_;
    lock.unlock();
    next();
    next = nullptr;
    lock.lock();
    ++idle_threads_;
  }
  --idle_threads_;
  const auto self = std::find_if(threads_.begin(), threads_.end(), [](const std::thread& thread) {
    return thread.get_id() == std::this_thread::get_id();
  });
  if (self != threads_.end()) ended_.splice(ended_.end(), threads_, self);
  changed_.notify_all();
}

// They hold the mutex no more when they are in the list, but may need it free to return.
void connection_pool::join_ended(std::unique_lock<std::mutex>& lock) {
  auto ended = std::exchange(ended_, {});
  if (ended.empty()) return;
  lock.unlock();
  for (auto& thread : ended)
    thread.join();
  lock.lock();
}

void connection_pool::shutdown() {
  std::unique_lock lock(mutex_);
  shut_down_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return threads_.empty(); });
  join_ended(lock);
}

std::size_t connection_pool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

}  // namespace platen::http
