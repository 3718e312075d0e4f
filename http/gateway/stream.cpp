#include "http/gateway/stream.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>

namespace platen::gateway {

awaitable<bool> stream::accept_tls(const tls_acceptor& how, tls_acceptor::choice& by) {
  error_code error;
  socket_.native_non_blocking(true, error);
  tls_ = how.accept(socket_.native_handle(), by);
  while (true) {
    ERR_clear_error();
    const auto done = SSL_do_handshake(tls_.get());
    if (done == 1) break;
    const auto why = SSL_get_error(tls_.get(), done);
    const auto waited = co_await wait_for(why);
    if (waited) co_return false;
  }
  // `by` belongs to the handshake only.
  SSL_set_app_data(tls_.get(), nullptr);
  co_return true;
}

awaitable<stream::outcome> stream::read_some(char* into, std::size_t size) {
  if (tls_) {
    const auto read = co_await read_tls(into, size);
    co_return read;
  }
  const auto [error, count] = co_await socket_.async_read_some(asio::buffer(into, size), as_value);
  co_return outcome{error, count};
}

awaitable<error_code> stream::write(std::string_view bytes) {
  if (tls_) {
    const auto written = co_await write_tls(bytes);
    co_return written;
  }
  const auto [error, count] =
      co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), as_value);
  co_return error;
}

awaitable<stream::outcome> stream::read_tls(char* into, std::size_t size) {
  while (true) {
    ERR_clear_error();
    std::size_t count = 0;
    const auto done = SSL_read_ex(tls_.get(), into, size, &count);
    if (done == 1) co_return outcome{{}, count};
    const auto why = SSL_get_error(tls_.get(), done);
    if (why == SSL_ERROR_ZERO_RETURN) co_return outcome{asio::error::eof, 0};
    const auto waited = co_await wait_for(why);
    if (waited) co_return outcome{waited, 0};
  }
}

awaitable<error_code> stream::write_tls(std::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    std::size_t count = 0;
    const auto done = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &count);
    if (done == 1) {
      bytes.remove_prefix(count);
      continue;
    }
    const auto why = SSL_get_error(tls_.get(), done);
    const auto waited = co_await wait_for(why);
    if (waited) co_return waited;
  }
  co_return error_code{};
}

awaitable<error_code> stream::wait_for(int ssl_error) {
  if (ssl_error != SSL_ERROR_WANT_READ && ssl_error != SSL_ERROR_WANT_WRITE)
    co_return asio::error::connection_reset;
  const auto what =
      ssl_error == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write;
  const auto [error] = co_await socket_.async_wait(what, as_value);
  co_return error;
}

void stream::finish_sending() {
  if (tls_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void stream::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

void stream::close() {
  error_code ignored;
  socket_.close(ignored);
}

bool stream::is_spent() {
  char byte = 0;
  const auto seen = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return seen >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace platen::gateway
