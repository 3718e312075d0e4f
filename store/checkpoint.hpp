// Checkpoints: somebody who holds a key vouches for the log up to an event. Ed25519, by OpenSSL.
//
// A hash chain shows that nothing in it was changed; the signature shows who wrote it, so that a
// log written anew with right hashes is told from the real one. FORMAT.md has the signed text.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "store/event_log.hpp"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace platen::store {

struct checkpoint {
  head at;
  std::string state_hash;    // of all entities after `at`; empty: not computed
  std::string state_format;  // what state_hash was computed over
  std::uint64_t entities = 0;
};

// A private Ed25519 key. Immutable and thread-safe.
class signing_key {
 public:
  // From the system's random generator.
  static tl::expected<signing_key, std::string> generate();
  // PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it.
  static tl::expected<signing_key, std::string> from_pem(const std::string& pem);

  std::string to_pem() const;
  // 64 lower-case hex digits.
  std::string public_key() const;

  // The signed checkpoint, ready to be appended.
  tl::expected<events::checkpoint_signed, std::string> sign(const checkpoint& what) const;

 private:
  struct deleter {
    void operator()(evp_pkey_st* key) const;
  };
  explicit signing_key(evp_pkey_st* key) : key_(key) {}
  std::unique_ptr<evp_pkey_st, deleter> key_;
};

// Whether the signature is the one of the public key it names, over what it says. That this key is
// to be trusted is for the caller to know. The error says what is wrong.
tl::expected<void, std::string> check_signature(const events::checkpoint_signed& value);

// 64 lower-case hex digits, from the same or from a public key in PEM. The error says what was
// expected.
tl::expected<std::string, std::string> read_public_key(const std::string& text);

}  // namespace platen::store
