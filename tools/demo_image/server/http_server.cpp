#include "tools/demo_image/server/http_server.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <thread>

namespace platen::demo {
namespace {

constexpr std::ptrdiff_t connections_limit = 16;
constexpr std::size_t request_limit = 8192;
constexpr timeval patience{5, 0};  // for each read or write of a connection

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "demo-server: cannot %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Bad Request";
  }
}

void write_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// The head of a request; empty if the client sends none in time or too much of it.
std::string read_head(int connection) {
  std::string head;
  std::array<char, 1024> buffer{};
  while (head.size() < request_limit) {
    const auto count = ::recv(connection, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    head.append(buffer.data(), static_cast<std::size_t>(count));
    if (head.find("\r\n\r\n") != head.npos) return head;
  }
  return "";
}

response answer_to(std::string_view head, const request_handler& handler) {
  const auto line = head.substr(0, head.find("\r\n"));
  const auto method_end = line.find(' ');
  const auto target_end = line.find(' ', method_end + 1);
  if (method_end == line.npos || target_end == line.npos) return {400, {}, "not HTTP\n"};
  const auto method = line.substr(0, method_end);
  if (method != "GET" && method != "HEAD") return {405, {}, "only GET and HEAD are answered\n"};
  const auto target = line.substr(method_end + 1, target_end - method_end - 1);
  return handler(target.substr(0, target.find('?')));
}

void handle(int connection, const request_handler& handler) {
  const std::string head = read_head(connection);
  if (head.empty()) return;
  const response answer = answer_to(head, handler);
  std::string message = "HTTP/1.1 " + std::to_string(answer.status) + ' ' + reason(answer.status);
  message += "\r\nContent-Type: " + (answer.type.empty() ? "text/plain" : answer.type);
  message += "\r\nContent-Length: " + std::to_string(answer.body.size());
  message += "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
  if (!head.starts_with("HEAD ")) message += answer.body;
  write_all(connection, message);
}

}  // namespace

http_server::http_server(std::uint16_t port)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (listener_ < 0) give_up("make a socket");
  const int yes = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    give_up("take the port");
  if (::listen(listener_, SOMAXCONN) != 0) give_up("listen");
}

http_server::~http_server() {
  ::close(listener_);
}

std::uint16_t http_server::port() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

void http_server::serve(const request_handler& handler) {
  std::counting_semaphore<connections_limit> room(connections_limit);
  for (;;) {
    room.acquire();
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) {
      if (errno != EINTR && errno != ECONNABORTED && errno != EMFILE) give_up("accept");
      room.release();
      continue;
    }
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    std::thread([connection, &handler, &room] {
      handle(connection, handler);
      ::close(connection);
      room.release();
    }).detach();
  }
}

}  // namespace platen::demo
