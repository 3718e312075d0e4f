#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket.hpp"

namespace platen::testing {

namespace {

sockaddr_in endpoint(const std::string& address, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  return at;
}

const sockaddr* generic(const sockaddr_in& at) {
  return reinterpret_cast<const sockaddr*>(&at);
}

}  // namespace

connection::connection(int descriptor) : descriptor_(descriptor) {
  const timeval limit{10, 0};
  if (descriptor_ >= 0) setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

void connection::close() {
  tls_.reset();
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

bool connection::start_tls(const std::string& name, const std::string& ca_pem) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (!ca_pem.empty()) {
    BIO* text = BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size()));
    X509* ca = PEM_read_bio_X509(text, nullptr, nullptr, nullptr);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
    X509_free(ca);
    BIO_free(text);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  tls_.reset(SSL_new(context));
  SSL_CTX_free(context);
  if (!name.empty()) {
    SSL_set_tlsext_host_name(tls_.get(), name.c_str());
    SSL_set1_host(tls_.get(), name.c_str());
  }
  SSL_set_fd(tls_.get(), descriptor_);
  return SSL_connect(tls_.get()) == 1;
}

bool connection::send(const std::string& text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const auto left = text.size() - sent;
    const auto count = tls_ ? SSL_write(tls_.get(), text.data() + sent, static_cast<int>(left))
                            : ::send(descriptor_, text.data() + sent, left, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

std::string connection::receive(std::size_t most) {
  if (!ahead_.empty()) {
    const auto taken = ahead_.substr(0, most);
    ahead_.erase(0, taken.size());
    return taken;
  }
  std::string buffer(most, '\0');
  const auto count = tls_ ? SSL_read(tls_.get(), buffer.data(), static_cast<int>(most))
                          : ::recv(descriptor_, buffer.data(), most, 0);
  buffer.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return buffer;
}

std::string connection::receive_until(const std::string& mark) {
  std::string all;
  while (all.find(mark) == std::string::npos) {
    const auto more = receive();
    if (more.empty()) return all;
    all += more;
  }
  const auto end = all.find(mark) + mark.size();
  ahead_ = all.substr(end) + ahead_;
  return all.substr(0, end);
}

std::string connection::receive_exactly(std::size_t count) {
  std::string all;
  while (all.size() < count) {
    const auto more = receive(count - all.size());
    if (more.empty()) break;
    all += more;
  }
  return all;
}

std::string connection::receive_all() {
  std::string all;
  for (auto more = receive(); !more.empty(); more = receive())
    all += more;
  return all;
}

void connection::finish_sending() {
  if (tls_) SSL_shutdown(tls_.get());
  ::shutdown(descriptor_, SHUT_WR);
}

void connection::abort() {
  const linger none{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  ::close(std::exchange(descriptor_, -1));
}

connection connect_to(const std::string& address, std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto at = endpoint(address, port);
  if (::connect(made, generic(at), sizeof at) == 0) return connection(made);
  ::close(made);
  return connection();
}

std::uint16_t free_port(const std::string& address) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = endpoint(address, 0);
  socklen_t size = sizeof at;
  ::bind(probe, generic(at), sizeof at);
  ::getsockname(probe, reinterpret_cast<sockaddr*>(&at), &size);
  ::close(probe);
  return ntohs(at.sin_port);
}

}  // namespace platen::testing
