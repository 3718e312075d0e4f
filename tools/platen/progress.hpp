// Shows on stderr what a waiting command waits for, and for how long, by following the event log.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "tools/platen/client.hpp"
#include "tools/platen/stage_tracker.hpp"

namespace platen::cli {

class progress {
 public:
  // Follows from the newest event on, and tells first how far a template that exists has come. It
  // is a help, not a duty: where the daemon cannot be followed, nothing is shown.
  static std::unique_ptr<progress> follow(const endpoint& where, watched what);

  progress(client events, std::uint64_t after, watched what, std::string stage);
  // Ends the following, and the line on a terminal.
  ~progress();
  progress(const progress&) = delete;

 private:
  void read_events(std::uint64_t after);
  void redraw_every_second();
  void draw(bool changed);  // with mutex_ held

  const bool live_;  // stderr is a terminal: one line, redrawn; else a line a stage
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  client events_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  stage_tracker tracker_;
  std::string stage_;
  std::thread reader_;
  std::thread clock_;
};

}  // namespace platen::cli
