// Bearer tokens.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace platen::http {

// Immutable, so thread-safe. Keeps digests only; a comparison takes the same time wherever the
// tokens differ and however long they are.
class token_set {
 public:
  explicit token_set(const std::vector<std::string>& tokens);

  // The principal ("token:" and the first 12 hex digits of the token's SHA-256) if the value of
  // the Authorization header carries one of the tokens.
  std::optional<std::string> principal_of(std::string_view authorization) const;

 private:
  using digest = std::array<unsigned char, 32>;
  static digest digest_of(std::string_view token);
  static std::string name_of(const digest& value);

  std::vector<digest> known_;
};

}  // namespace platen::http
