// Certificates as the gateway presents them, and the choice among them by SNI. OpenSSL stays in
// here and in stream.cpp.
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>

namespace platen::gateway {

struct ssl_context_deleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct ssl_deleter {
  void operator()(SSL* connection) const { SSL_free(connection); }
};
using ssl_context = std::unique_ptr<SSL_CTX, ssl_context_deleter>;
using ssl_connection = std::unique_ptr<SSL, ssl_deleter>;

// A certificate chain and its key. Immutable, shared by connections of all threads.
class tls_identity {
 public:
  // PEM. The error is one sentence: unparsable, or a key that does not fit.
  static tl::expected<std::shared_ptr<const tls_identity>, std::string> from_pem(
      const std::string& chain, const std::string& key);

  explicit tls_identity(ssl_context context) : context_(std::move(context)) {}
  SSL_CTX* context() const { return context_.get(); }

 private:
  ssl_context context_;
};

// By domain, lower case; "*.example.com" stands for one label.
using identities = std::map<std::string, std::shared_ptr<const tls_identity>, std::less<>>;

// An exact name, or the wildcard above it; end() if there is neither.
template <class Map>
auto find_domain(Map& in, const std::string& name) {
  const auto exact = in.find(name);
  if (exact != in.end()) return exact;
  const auto dot = name.find('.');
  return dot == std::string::npos ? in.end() : in.find("*" + name.substr(dot));
}

// Accepts TLS 1.2 and 1.3 for whatever certificate the client's SNI chooses. One a worker.
class tls_acceptor {
 public:
  tls_acceptor();

  // `choices` must live until the handshake is over. A client without SNI gets `without_name`, or,
  // if that is null, no handshake.
  struct choice {
    const identities* choices = nullptr;
    const tls_identity* without_name = nullptr;
    std::string name;  // set by the handshake: the SNI in lower case
  };
  ssl_connection accept(int descriptor, choice& by) const;

 private:
  ssl_context context_;
};

}  // namespace platen::gateway
