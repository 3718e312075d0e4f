#include "http/connection/signal.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cstdint>

namespace platen::http {

signal::signal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void signal::raise() const {
  // The write fails only if the counter is full, and then the signal is raised already.
  [[maybe_unused]] const auto ignored = ::eventfd_write(event_.get(), 1);
}

void signal::lower() const {
  eventfd_t count = 0;
  [[maybe_unused]] const auto ignored = ::eventfd_read(event_.get(), &count);
}

bool signal::raised() const {
  pollfd wanted{event_.get(), POLLIN, 0};
  return ::poll(&wanted, 1, 0) == 1;
}

}  // namespace platen::http
