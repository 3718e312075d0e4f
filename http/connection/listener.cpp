#include "http/connection/listener.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <system_error>

namespace platen::http {
namespace {

using address_list = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

address_list resolve(const std::string& host, std::uint16_t port, std::string& problem) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) problem = ::gai_strerror(code);
  return {found, &::freeaddrinfo};
}

std::string last_error() {
  return std::system_category().message(errno);
}

file_descriptor listen_on(const addrinfo& address) {
  file_descriptor made(::socket(
      address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol));
  if (!made) return {};
  const int on = 1;
  ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  constexpr int backlog = 1024;
  if (::bind(made.get(), address.ai_addr, address.ai_addrlen) != 0) return {};
  if (::listen(made.get(), backlog) != 0) return {};
  return made;
}

std::uint16_t bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// What accept() fails with while the process or the system is short of something. The connection
// stays in the backlog, so without a pause the loop would spin.
bool short_of_resources(int code) {
  return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

void pause_unless(const signal& stop, std::chrono::milliseconds pause) {
  pollfd wanted{stop.descriptor(), POLLIN, 0};
  ::poll(&wanted, 1, static_cast<int>(pause.count()));
}

}  // namespace

tl::expected<listener, std::string> listener::bind(const std::string& host, std::uint16_t port) {
  std::string problem;
  const auto addresses = resolve(host, port, problem);
  for (const auto* at = addresses.get(); at != nullptr; at = at->ai_next) {
    listener made;
    made.socket_ = listen_on(*at);
    if (!made.socket_) {
      problem = last_error();
      continue;
    }
    made.port_ = bound_port(made.socket_.get());
    return made;
  }
  return tl::unexpected("cannot listen on " + host + " port " + std::to_string(port) + ": " +
                        problem);
}

file_descriptor listener::accept(const signal& stop) const {
  while (true) {
    pollfd wanted[] = {{socket_.get(), POLLIN, 0}, {stop.descriptor(), POLLIN, 0}};
    ::poll(wanted, 2, -1);
    if (wanted[1].revents != 0) return {};
    file_descriptor accepted(
        ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (accepted) {
      // Answers are written in two pieces, head and body; Nagle's algorithm would hold the second
      // back until the first is acknowledged, which clients delay by 40 ms.
      const int on = 1;
      ::setsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return accepted;
    }
    if (short_of_resources(errno)) pause_unless(stop, std::chrono::milliseconds(50));
  }
}

}  // namespace platen::http
