#include "http/routes/log_news.hpp"

#include <poll.h>

#include <cerrno>

namespace platen::http {

bool has_left(int socket) {
  pollfd peer{socket, POLLRDHUP, 0};
  return ::poll(&peer, 1, 0) == 1;
}

log_news::wake log_news::await(const signal& stop, int socket,
                               std::chrono::milliseconds idle_after) const {
  pollfd wanted[] = {
      {news_.descriptor(), POLLIN, 0}, {stop.descriptor(), POLLIN, 0}, {socket, POLLRDHUP, 0}};
  int count = 0;
  do {
    count = ::poll(wanted, 3, static_cast<int>(idle_after.count()));
  } while (count < 0 && errno == EINTR);
  if (count == 0) return wake::idle;
  return wanted[1].revents == 0 && wanted[2].revents == 0 ? wake::news : wake::over;
}

}  // namespace platen::http
