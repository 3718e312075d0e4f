#include "http/connection/stream.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace platen::http {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

// A request's line and headers together. The library bounds each line, but not their number.
constexpr std::uint64_t head_bytes_limit = 64 * 1024;
// After the server was told to stop, what is left of an answer must be taken within this.
constexpr milliseconds write_time_when_stopping{300};
constexpr milliseconds lingering_time{500};
constexpr std::uint64_t lingering_bytes = 16 * 1024 * 1024;

thread_local stream* served_here = nullptr;

int milliseconds_until(clock::time_point when) {
  const auto left = std::chrono::ceil<milliseconds>(when - clock::now());
  return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 3'600'000));
}

enum class outcome { ready, stopped, timed_out };

outcome await(int socket, short events, const signal& stop, clock::time_point deadline) {
  while (true) {
    pollfd wanted[] = {{socket, events, 0}, {stop.descriptor(), POLLIN, 0}};
    const int count = ::poll(wanted, 2, milliseconds_until(deadline));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return outcome::timed_out;
    if (wanted[0].revents != 0) return outcome::ready;
    return outcome::stopped;
  }
}

// Looked up once a connection; the library asks with every request. `which` is getpeername or
// getsockname.
template <class Lookup>
stream::peer name_of(int socket, Lookup which) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (which(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  int port = 0;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &six.sin6_addr, text.data(), text.size());
    port = ntohs(six.sin6_port);
  } else if (address.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &four.sin_addr, text.data(), text.size());
    port = ntohs(four.sin_port);
  }
  return {text.data(), port};
}

}  // namespace

stream::stream(file_descriptor socket, const signal& stop, const limits& bounds)
    : socket_(std::move(socket)),
      stop_(stop),
      bounds_(bounds),
      remote_(name_of(socket_.get(), ::getpeername)),
      local_(name_of(socket_.get(), ::getsockname)) {
  served_here = this;
}

stream::~stream() {
  served_here = nullptr;
}

stream* stream::of_this_thread() {
  return served_here;
}

bool stream::await_request() {
  if (begin_ < end_) return true;
  const auto deadline = clock::now() + bounds_.idle_connection;
  return await(socket_.get(), POLLIN, stop_, deadline) == outcome::ready;
}

void stream::begin_head() {
  in_body_ = false;
  exceeded_ = false;
  body_read_ = 0;
  left_ = head_bytes_limit;
  bound_ = {head_bytes_limit, bounds_.request_head, {}};
  began_ = clock::now();
}

void stream::begin_body(body_bound bound) {
  in_body_ = true;
  bound_ = bound;
  left_ = bound.bytes;
  began_ = clock::now();
}

stream::clock::time_point stream::read_deadline() const {
  return bound_.total ? began_ + *bound_.total : clock::now() + bound_.stall;
}

// The socket does not block: most often what is wanted is there already.
bool stream::fill() {
  auto count = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
  while (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    if (await(socket_.get(), POLLIN, stop_, read_deadline()) != outcome::ready) return false;
    count = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
  }
  if (count <= 0) return false;
  begin_ = 0;
  end_ = static_cast<std::size_t>(count);
  return true;
}

ssize_t stream::read(char* ptr, size_t size) {
  // The library reads heads byte by byte.
  if (size == 1 && begin_ < end_ && left_ > 0 && !in_body_) {
    *ptr = buffer_[begin_++];
    --left_;
    return 1;
  }
  if (left_ == 0 && size > 0) {
    exceeded_ = true;
    return -1;
  }
  if (begin_ == end_ && !fill()) return -1;
  const auto count = std::min({size, end_ - begin_, static_cast<std::size_t>(left_)});
  std::memcpy(ptr, buffer_.data() + begin_, count);
  begin_ += count;
  left_ -= count;
  if (in_body_) body_read_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t stream::write(const char* ptr, size_t size) {
  constexpr std::size_t held_limit = 64 * 1024;
  if (holding_ && held_.size() + size <= held_limit) {
    held_.append(ptr, size);
    return static_cast<ssize_t>(size);
  }
  const bool done = send_held() && send_all(ptr, size);
  return done ? static_cast<ssize_t>(size) : -1;
}

bool stream::send_held() {
  holding_ = false;
  const bool done = held_.empty() || send_all(held_.data(), held_.size());
  held_.clear();
  return done;
}

bool stream::send_all(const char* ptr, std::size_t size) const {
  std::size_t sent = 0;
  auto deadline = clock::now() + bounds_.write_stall;
  bool stopping = false;
  while (sent < size) {
    const auto count = ::send(socket_.get(), ptr + sent, size - sent, MSG_NOSIGNAL);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      if (!stopping) deadline = clock::now() + bounds_.write_stall;
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return false;
    if (!stopping && stop_.raised()) {
      stopping = true;
      deadline = clock::now() + write_time_when_stopping;
    }
    // While stopping, the raised signal must not end the wait any more.
    static const signal never;
    const auto happened = await(socket_.get(), POLLOUT, stopping ? never : stop_, deadline);
    if (happened == outcome::timed_out) return false;
  }
  return true;
}

void stream::close_gently() {
  ::shutdown(socket_.get(), SHUT_WR);
  const auto deadline = clock::now() + lingering_time;
  std::uint64_t discarded = 0;
  while (discarded < lingering_bytes &&
         await(socket_.get(), POLLIN, stop_, deadline) == outcome::ready) {
    const auto count = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
    if (count <= 0) return;
    discarded += static_cast<std::uint64_t>(count);
  }
}

bool stream::is_readable() const {
  if (begin_ < end_) return true;
  return await(socket_.get(), POLLIN, stop_, read_deadline()) == outcome::ready;
}

// write() does the waiting; here it only matters whether the client is still there.
bool stream::is_writable() const {
  pollfd wanted{socket_.get(), POLLOUT, 0};
  ::poll(&wanted, 1, 0);
  return (wanted.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0;
}

void stream::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = remote_.ip;
  port = remote_.port;
}

void stream::get_local_ip_and_port(std::string& ip, int& port) const {
  ip = local_.ip;
  port = local_.port;
}

}  // namespace platen::http
