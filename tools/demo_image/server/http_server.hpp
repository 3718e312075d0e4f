// A small HTTP server: GET and HEAD, one request a connection, each connection on its own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace platen::demo {

struct response {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

// Gets the path without its query; called from several threads.
using request_handler = std::function<response(std::string_view path)>;

class http_server {
 public:
  // Listens on all addresses; port 0 chooses one. Ends the program if it cannot.
  explicit http_server(std::uint16_t port);
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  std::uint16_t port() const;

  // Never returns. Connections wait in the kernel's queue until this is called.
  [[noreturn]] void serve(const request_handler& handler);

 private:
  int listener_;
};

}  // namespace platen::demo
