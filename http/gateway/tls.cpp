#include "http/gateway/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

namespace platen::gateway {

namespace {

struct bio_deleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct x509_deleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct key_deleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using bio = std::unique_ptr<BIO, bio_deleter>;
using x509 = std::unique_ptr<X509, x509_deleter>;

bio reader_of(const std::string& text) {
  return bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key with a passphrase cannot be used: nobody is there to type it.
int no_passphrase(char*, int, int, void*) {
  return 0;
}

constexpr std::string_view http_1_1 = "\x08http/1.1";

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                unsigned int in_length, void*) {
  const auto* ours = reinterpret_cast<const unsigned char*>(http_1_1.data());
  unsigned char* chosen = nullptr;
  const auto found = SSL_select_next_proto(&chosen, out_length, ours,
                                           static_cast<unsigned>(http_1_1.size()), in, in_length);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

int select_certificate(SSL* connection, int*, void*) {
  auto* by = static_cast<tls_acceptor::choice*>(SSL_get_app_data(connection));
  const char* name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) {
    by->name = name;
    std::transform(by->name.begin(), by->name.end(), by->name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
  }
  const tls_identity* chosen = by->without_name;
  if (name != nullptr) {
    const auto found = find_domain(*by->choices, by->name);
    chosen = found == by->choices->end() ? nullptr : found->second.get();
  }
  if (chosen == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
  SSL_set_SSL_CTX(connection, chosen->context());
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

tl::expected<std::shared_ptr<const tls_identity>, std::string> tls_identity::from_pem(
    const std::string& chain, const std::string& key) {
  ssl_context context(SSL_CTX_new(TLS_server_method()));
  auto certificates = reader_of(chain);
  const x509 leaf(PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context.get(), leaf.get()) != 1)
    return tl::unexpected(std::string("the certificate chain is not PEM with a certificate"));
  while (auto* next = PEM_read_bio_X509(certificates.get(), nullptr, no_passphrase, nullptr))
    if (SSL_CTX_add0_chain_cert(context.get(), next) != 1) X509_free(next);
  ERR_clear_error();
  auto keys = reader_of(key);
  const std::unique_ptr<EVP_PKEY, key_deleter> own(
      PEM_read_bio_PrivateKey(keys.get(), nullptr, no_passphrase, nullptr));
  if (!own) return tl::unexpected(std::string("the private key is not PEM without a passphrase"));
  if (SSL_CTX_use_PrivateKey(context.get(), own.get()) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    ERR_clear_error();
    return tl::unexpected(std::string("the private key is not that of the certificate"));
  }
  return std::make_shared<const tls_identity>(std::move(context));
}

tls_acceptor::tls_acceptor() : context_(SSL_CTX_new(TLS_server_method())) {
  auto* context = context_.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_tlsext_servername_callback(context, select_certificate);
  SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
}

ssl_connection tls_acceptor::accept(int descriptor, choice& by) const {
  ssl_connection made(SSL_new(context_.get()));
  SSL_set_fd(made.get(), descriptor);
  SSL_set_app_data(made.get(), &by);
  SSL_set_accept_state(made.get());
  return made;
}

}  // namespace platen::gateway
