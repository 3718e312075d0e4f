// HTTP on accepted connections: the library parses, routes and writes; sockets, bounds and the
// life of a connection are ours.
#pragma once

#include <httplib.h>

#include "http/connection/stream.hpp"

namespace platen::http {

class engine : public httplib::Server {
 public:
  using admission = std::function<void(httplib::Request&, stream&)>;

  // `admit` sees each request after its head and before anything else. It tells the stream how to
  // bound the body.
  explicit engine(admission admit) : admit_(std::move(admit)) {}

  // The library ends streamed answers of a server without a listening socket.
  void attach(int listening_socket) { svr_sock_ = listening_socket; }
  void detach() { svr_sock_ = INVALID_SOCKET; }

  // Serves a connection until it or the server ends. Thread-safe.
  void serve(stream& connection);

 private:
  bool serve_request(stream& connection);

  const admission admit_;
};

}  // namespace platen::http
