// A blocking connection for tests: reads give up after ten seconds.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>

namespace platen::testing {

class connection {
 public:
  explicit connection(int descriptor = -1);
  connection(connection&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}
  connection& operator=(connection&&) = delete;
  ~connection() { close(); }

  explicit operator bool() const { return descriptor_ >= 0; }

  // False: the handshake failed, or the certificate is not `ca`'s for `name` (if `ca` is given).
  bool start_tls(const std::string& name, const std::string& ca_pem = "");

  // False: the connection is broken.
  bool send(const std::string& text);
  // What comes first, at most `most`; empty: the end, or nothing for ten seconds.
  std::string receive(std::size_t most = 65536);
  // Up to and including `mark`, or all there was.
  std::string receive_until(const std::string& mark);
  std::string receive_exactly(std::size_t count);
  std::string receive_all();
  void finish_sending();
  void close();
  // Ends it with a reset.
  void abort();

 private:
  struct ssl_deleter {
    void operator()(SSL* one) const { SSL_free(one); }
  };

  int descriptor_;
  std::unique_ptr<SSL, ssl_deleter> tls_;
  std::string ahead_;
};

connection connect_to(const std::string& address, std::uint16_t port);

// A port of the address that nobody listens on.
std::uint16_t free_port(const std::string& address);

}  // namespace platen::testing
