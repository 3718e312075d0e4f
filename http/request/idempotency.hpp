// The header Idempotency-Key: what it may be, and what is derived from it. Pure.
#pragma once

#include <httplib.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "http/request/auth.hpp"
#include "http/request/errors.hpp"

namespace platen::http {

inline constexpr std::string_view idempotency_header = "Idempotency-Key";

// Nothing where the header is not there; 400 if it is given twice or is not 1 to 255 printable
// ASCII characters.
tl::expected<std::optional<std::string>, request_error> read_idempotency_key(
    const httplib::Request& request);

// Who asked under which key.
class request_identity {
 public:
  // A token that is given to another scope is another asker.
  request_identity(const caller& who, std::string_view key);

  // The stream that tells of the request: "request/" and 64 hex digits.
  std::string stream() const { return "request/" + digest_; }

  // The uuid of the instance that an item of the request asks for: the same for each repetition.
  // Version 8 (RFC 9562, 5.8), from SHA-256.
  std::string uuid_of_item(std::size_t index) const;

  const std::string& digest() const { return digest_; }  // lower-case hex

 private:
  std::string digest_;
};

// A request that is carried out under a key.
struct keyed_run {
  request_identity identity;
  // The sequence of its RequestBegan if an earlier run began and did not answer; 0 for the first.
  std::uint64_t earlier_run = 0;
};

}  // namespace platen::http
