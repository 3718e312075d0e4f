#include "tools/platend/stop_signal.hpp"

#include <pthread.h>

namespace platen::platend {

stop_signal::stop_signal() {
  sigemptyset(&awaited_);
  sigaddset(&awaited_, SIGTERM);
  sigaddset(&awaited_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &awaited_, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int stop_signal::wait() {
  int arrived = 0;
  sigwait(&awaited_, &arrived);
  pthread_sigmask(SIG_UNBLOCK, &awaited_, nullptr);
  return arrived;
}

}  // namespace platen::platend
