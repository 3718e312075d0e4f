// A server that does what a test tells it to, each connection on a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "socket.hpp"

namespace platen::testing {

class backend_server {
 public:
  using behaviour = std::function<void(connection&)>;

  // Listens when it is made.
  explicit backend_server(behaviour serve, std::uint16_t port = 0);
  backend_server(const backend_server&) = delete;
  ~backend_server();

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void accept();

  behaviour serve_;
  int listening_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<std::thread> serving_;
  std::set<int> open_;  // descriptors of connections
  std::thread accepting_;
};

struct received_request {
  std::string head;  // with the blank line
  std::string body;
  explicit operator bool() const { return !head.empty(); }
  // The value of a header line, as "name" in lower case; empty if there is none.
  std::string header(const std::string& name) const;
};

// One request with a length or chunks; without head if the connection ended.
received_request receive_request(connection& from);

std::string ok(const std::string& body, const std::string& headers = "");

// Answers each request with its head and body, then the next one.
void echo_requests(connection& client);

// As a client: one response to a request.
struct received_response {
  std::string head;
  std::string body;
  int status() const;
};
received_response receive_response(connection& from, bool with_body = true);

}  // namespace platen::testing
