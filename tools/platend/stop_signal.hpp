// SIGTERM and SIGINT as something to wait for instead of a handler.
#pragma once

#include <csignal>

namespace platen::platend {

// Construct it before any thread exists: threads inherit the mask, so that only wait() sees the
// signals. Also ignores SIGPIPE: a client that hangs up is not the daemon's end.
class stop_signal {
 public:
  stop_signal();

  // Blocks until one of the signals arrives and returns it. From then on the signals have their
  // usual effect, so that a second one ends a stop that hangs.
  int wait();

 private:
  sigset_t awaited_{};
};

}  // namespace platen::platend
