// SHA-256 and lower-case hex, as the hash chain and the digests in events use them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "events/envelope.hpp"

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace platen::events {

// SHA-256 of bytes that arrive in pieces. Not thread-safe; movable. Throws std::bad_alloc if
// OpenSSL has no memory, which is the only way its SHA-256 fails.
class sha256 {
 public:
  sha256();

  sha256& update(std::string_view bytes);
  sha256& update(const digest& bytes);

  // The digest of everything since the construction or the last finish(); starts over.
  digest finish();

 private:
  struct deleter {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, deleter> context_;
};

digest sha256_of(std::string_view bytes);

// Of the two, one after the other.
digest sha256_of(std::string_view first, std::string_view second);

// The bytes of a digest, for the places that take strings.
std::string_view as_bytes(const digest& value);

std::string to_hex(std::string_view bytes);
std::string to_hex(const digest& value);

// The bytes that hex digits of either case stand for; nothing if it is not an even number of
// digits.
std::optional<std::string> from_hex(std::string_view digits);

// Nothing unless there are exactly 64 hex digits.
std::optional<digest> digest_from_hex(std::string_view digits);

}  // namespace platen::events
