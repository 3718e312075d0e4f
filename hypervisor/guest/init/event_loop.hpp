// Which descriptors are ready. A thin owner of an epoll instance.
#pragma once

#include <sys/epoll.h>

#include <optional>
#include <vector>

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

class event_loop {
 public:
  struct event {
    int fd = -1;
    std::uint32_t flags = 0;  // EPOLLIN, EPOLLOUT, EPOLLHUP
  };
  using deadline = std::optional<clock::time_point>;

  event_loop();
  status watch(int fd, std::uint32_t flags);

  // Blocks until something is ready or the deadline has passed; then the result is empty.
  std::vector<event> wait(deadline until);

 private:
  owned_fd epoll_;
};

// The earlier one of two deadlines, either of which may be absent.
event_loop::deadline earlier(event_loop::deadline left, event_loop::deadline right);

}  // namespace platen::guest
