// Threads for connections: made when they are needed, up to a limit, and ended when idle.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace platen::http {

// Thread-safe.
class connection_pool {
 public:
  using job = std::function<void()>;

  // A thread without a job for `idle` ends.
  connection_pool(std::size_t limit, std::chrono::milliseconds idle);
  // Waits for the jobs in progress.
  ~connection_pool();

  connection_pool(const connection_pool&) = delete;
  connection_pool& operator=(const connection_pool&) = delete;

  // False if all threads are busy, no further one can be had, or the pool was shut down: there is
  // no queue behind it, because a connection that waits for another one to end waits without a
  // bound.
  bool run(job work);

  // Refuses further jobs and waits for those in progress. Idempotent.
  void shutdown();

  std::size_t threads() const;

 private:
  void work();
  bool start_thread();
  void join_ended(std::unique_lock<std::mutex>& lock);

  const std::size_t limit_;
  const std::chrono::milliseconds idle_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::thread> threads_;
  std::list<std::thread> ended_;  // they have nothing left to do but to return
  std::deque<job> jobs_;          // never more than there are idle threads
  std::size_t idle_threads_ = 0;
  bool shut_down_ = false;
};

}  // namespace platen::http
