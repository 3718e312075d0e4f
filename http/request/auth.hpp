// Bearer tokens.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.hpp"

namespace platen::http {

// Who sent a request.
struct caller {
  std::string principal;  // "token:" and the first 12 hex digits of the token's SHA-256
  std::string scope;      // the token's; empty: the operator's own
};

// Immutable, so thread-safe. Keeps digests only; a comparison takes the same time wherever the
// tokens differ and however long they are.
class token_set {
 public:
  explicit token_set(const std::vector<access_token>& tokens);

  // Nothing unless the value of the Authorization header carries one of the tokens.
  std::optional<caller> caller_of(std::string_view authorization) const;

 private:
  using digest = std::array<unsigned char, 32>;
  static digest digest_of(std::string_view token);
  static std::string name_of(const digest& value);

  struct known_token {
    digest of;
    std::string scope;
  };

  std::vector<known_token> known_;
};

}  // namespace platen::http
