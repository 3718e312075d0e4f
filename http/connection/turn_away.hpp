// What happens to connections beyond the limit: they are told so and closed.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "http/connection/file_descriptor.hpp"

namespace platen::http {

// Thread-safe.
class turn_away {
 public:
  turn_away();
  // Closes what is queued.
  ~turn_away();

  turn_away(const turn_away&) = delete;
  turn_away& operator=(const turn_away&) = delete;

  // Never blocks. While too many are queued already, the connection is closed without a word.
  void push(file_descriptor connection);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<file_descriptor> queue_;
  bool ending_ = false;
  std::thread worker_;
};

}  // namespace platen::http
