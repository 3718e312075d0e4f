// The listening socket.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "http/connection/file_descriptor.hpp"
#include "http/connection/signal.hpp"

namespace platen::http {

class listener {
 public:
  // `host` is a numeric address or a name; port 0 takes any free one. The error is one sentence.
  static tl::expected<listener, std::string> bind(const std::string& host, std::uint16_t port);

  // Waits for a connection; holds nothing once `stop` is raised.
  file_descriptor accept(const signal& stop) const;

  // From now on connections are refused by the system. Not while accept() is in progress.
  void close() { socket_ = file_descriptor(); }

  std::uint16_t port() const { return port_; }  // also after close()
  int descriptor() const { return socket_.get(); }

 private:
  file_descriptor socket_;
  std::uint16_t port_ = 0;
};

}  // namespace platen::http
