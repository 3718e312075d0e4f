#include "store/checkpoint.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "events/hash.hpp"

namespace platen::store {

namespace {

using fault = tl::unexpected<std::string>;

constexpr std::size_t key_bytes = 32;
constexpr std::size_t signature_bytes = 64;

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using context_ptr = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;

const unsigned char* bytes_of(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bio_ptr reading(const std::string& text) {
  return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string raw_public_key(const EVP_PKEY* key) {
  std::string raw(key_bytes, '\0');
  std::size_t size = raw.size();
  const bool read =
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size) == 1;
  return read && size == key_bytes ? raw : std::string();
}

bool is_ed25519(const EVP_PKEY* key) {
  return key != nullptr && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
}

// One line a field, so that no two checkpoints have the same text.
std::string signed_text(const events::checkpoint_signed& value) {
  return "platen checkpoint 1\n" + std::to_string(value.through) + "\n" + value.head_hash + "\n" +
         value.state_format + "\n" + value.state_hash + "\n" + std::to_string(value.entities) +
         "\n";
}

}  // namespace

void signing_key::deleter::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

tl::expected<signing_key, std::string> signing_key::generate() {
  auto* const made = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (made == nullptr) return fault("OpenSSL could not make an Ed25519 key");
  return signing_key(made);
}

tl::expected<signing_key, std::string> signing_key::from_pem(const std::string& pem) {
  const auto from = reading(pem);
  key_ptr key(PEM_read_bio_PrivateKey(from.get(), nullptr, nullptr, nullptr));
  if (!is_ed25519(key.get()))
    return fault("expected a private Ed25519 key in PEM without a passphrase");
  return signing_key(key.release());
}

std::string signing_key::to_pem() const {
  const bio_ptr to(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(to.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(to.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

std::string signing_key::public_key() const {
  return events::to_hex(raw_public_key(key_.get()));
}

tl::expected<events::checkpoint_signed, std::string> signing_key::sign(
    const checkpoint& what) const {
  events::checkpoint_signed value;
  value.through = what.at.sequence;
  value.head_hash = events::to_hex(what.at.hash);
  value.state_hash = what.state_hash;
  value.state_format = what.state_format;
  value.entities = what.entities;
  value.public_key = public_key();

  const auto text = signed_text(value);
  std::string signature(signature_bytes, '\0');
  std::size_t size = signature.size();
  const context_ptr context(EVP_MD_CTX_new());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(text), text.size()) != 1)
    return fault("OpenSSL could not sign the checkpoint");
  value.signature = events::to_hex(signature);
  return value;
}

tl::expected<void, std::string> check_signature(const events::checkpoint_signed& value) {
  const auto raw = events::from_hex(value.public_key);
  const auto signature = events::from_hex(value.signature);
  if (!raw || raw->size() != key_bytes) return fault("its public key is not 32 bytes in hex");
  if (!signature || signature->size() != signature_bytes)
    return fault("its signature is not 64 bytes in hex");
  const key_ptr key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*raw), raw->size()));
  const auto text = signed_text(value);
  const context_ptr context(EVP_MD_CTX_new());
  const bool good =
      key && context &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
      EVP_DigestVerify(context.get(), bytes_of(*signature), signature->size(), bytes_of(text),
                       text.size()) == 1;
  if (!good) return fault("its signature is not the one of the key " + value.public_key);
  return {};
}

tl::expected<std::string, std::string> read_public_key(const std::string& text) {
  auto line = text.substr(0, text.find_first_of("\r\n"));
  if (const auto digest = events::digest_from_hex(line)) return events::to_hex(*digest);
  const auto from = reading(text);
  const key_ptr key(PEM_read_bio_PUBKEY(from.get(), nullptr, nullptr, nullptr));
  if (!is_ed25519(key.get())) return fault("expected an Ed25519 public key: 64 hex digits, or PEM");
  return events::to_hex(raw_public_key(key.get()));
}

}  // namespace platen::store
