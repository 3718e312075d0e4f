#include "backend.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace platen::testing {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string value_of(const std::string& head, const std::string& name) {
  const auto at = lower(head).find("\r\n" + name + ":");
  if (at == std::string::npos) return {};
  const auto begin = head.find_first_not_of(' ', at + name.size() + 3);
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string receive_body(connection& from, const std::string& head) {
  if (lower(value_of(head, "transfer-encoding")) == "chunked") {
    std::string body;
    while (true) {
      const auto line = from.receive_until("\r\n");
      if (line.empty()) return body;
      const auto size = std::stoul(line, nullptr, 16);
      body += from.receive_exactly(size);
      from.receive_until("\r\n");
      if (size == 0) return body;
    }
  }
  const auto length = value_of(head, "content-length");
  return length.empty() ? std::string() : from.receive_exactly(std::stoul(length));
}

}  // namespace

backend_server::backend_server(behaviour serve, std::uint16_t port) : serve_(std::move(serve)) {
  listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listening_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  ::bind(listening_, reinterpret_cast<sockaddr*>(&at), size);
  ::listen(listening_, 128);
  ::getsockname(listening_, reinterpret_cast<sockaddr*>(&at), &size);
  port_ = ntohs(at.sin_port);
  accepting_ = std::thread([this] { accept(); });
}

backend_server::~backend_server() {
  ::shutdown(listening_, SHUT_RDWR);
  accepting_.join();
  ::close(listening_);
  {
    const std::lock_guard guard(mutex_);
    for (const int one : open_)
      ::shutdown(one, SHUT_RDWR);
  }
  for (auto& one : serving_)
    one.join();
}

void backend_server::accept() {
  while (true) {
    const int made = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (made < 0) return;
    ++connections_;
    const std::lock_guard guard(mutex_);
    open_.insert(made);
    serving_.emplace_back([this, made] {
      connection client(made);
      serve_(client);
      const std::lock_guard ending(mutex_);
      open_.erase(made);
      client.close();
    });
  }
}

std::string received_request::header(const std::string& name) const {
  return value_of(head, name);
}

received_request receive_request(connection& from) {
  received_request made;
  made.head = from.receive_until("\r\n\r\n");
  if (made.head.ends_with("\r\n\r\n"))
    made.body = receive_body(from, made.head);
  else
    made.head.clear();
  return made;
}

std::string ok(const std::string& body, const std::string& headers) {
  return "HTTP/1.1 200 OK\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

void echo_requests(connection& client) {
  for (auto request = receive_request(client); request; request = receive_request(client))
    if (!client.send(ok(request.head + request.body))) return;
}

int received_response::status() const {
  return head.size() < 12 ? 0 : std::stoi(head.substr(9, 3));
}

received_response receive_response(connection& from, bool with_body) {
  received_response made;
  made.head = from.receive_until("\r\n\r\n");
  const bool measured = !value_of(made.head, "content-length").empty() ||
                        !value_of(made.head, "transfer-encoding").empty();
  if (with_body && measured) made.body = receive_body(from, made.head);
  return made;
}

}  // namespace platen::testing
