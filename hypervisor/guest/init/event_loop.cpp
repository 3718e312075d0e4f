#include "hypervisor/guest/init/event_loop.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace platen::guest {

event_loop::event_loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

status event_loop::watch(int fd, std::uint32_t flags) {
  epoll_event event{};
  event.events = flags;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return errno_error("cannot watch a descriptor");
  return {};
}

std::vector<event_loop::event> event_loop::wait(deadline until) {
  int timeout_ms = -1;
  if (until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until - clock::now()).count();
    timeout_ms = static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
  }
  std::array<epoll_event, 8> ready{};
  const int count = ::epoll_wait(epoll_.get(), ready.data(), ready.size(), timeout_ms);
  std::vector<event> events;
  for (int at = 0; at < count; ++at)
    events.push_back({ready[at].data.fd, ready[at].events});
  return events;
}

event_loop::deadline earlier(event_loop::deadline left, event_loop::deadline right) {
  if (!left) return right;
  if (!right) return left;
  return std::min(*left, *right);
}

}  // namespace platen::guest
