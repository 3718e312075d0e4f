// One connection, plain or TLS, for the coroutines of one thread. Reading and writing may be under
// way at the same time, each once.
#pragma once

#include <string_view>

#include "http/gateway/asio.hpp"
#include "http/gateway/tls.hpp"

namespace platen::gateway {

class stream {
 public:
  struct outcome {
    error_code error;       // end of stream: asio::error::eof
    std::size_t count = 0;  // bytes
  };

  explicit stream(tcp::socket socket) : socket_(std::move(socket)) {}

  tcp::socket& socket() { return socket_; }
  bool is_tls() const { return tls_ != nullptr; }

  // False: the handshake failed; the client was told.
  awaitable<bool> accept_tls(const tls_acceptor& how, tls_acceptor::choice& by);

  awaitable<outcome> read_some(char* into, std::size_t size);
  // All of it, or an error.
  awaitable<error_code> write(std::string_view bytes);

  // Nothing more is sent: the other side reads the end.
  void finish_sending();
  // Operations under way end with an error.
  void cancel();
  void close();
  // The other side has closed, or sent what nobody asked for.
  bool is_spent();

 private:
  awaitable<outcome> read_tls(char* into, std::size_t size);
  awaitable<error_code> write_tls(std::string_view bytes);
  awaitable<error_code> wait_for(int ssl_error);

  tcp::socket socket_;
  ssl_connection tls_;
};

}  // namespace platen::gateway
