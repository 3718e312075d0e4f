#include "http/request/auth.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cctype>

#include "events/hash.hpp"

namespace platen::http {
namespace {

// The scheme's name is case-insensitive (RFC 9110 §11.1).
std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() <= scheme.size()) return std::nullopt;
  const bool matches =
      std::equal(scheme.begin(), scheme.end(), authorization.begin(),
                 [](char wanted, unsigned char given) { return wanted == std::tolower(given); });
  if (!matches) return std::nullopt;
  const auto begin = authorization.find_first_not_of(' ', scheme.size());
  if (begin == std::string_view::npos) return std::nullopt;
  return authorization.substr(begin);
}

}  // namespace

token_set::token_set(const std::vector<access_token>& tokens) {
  for (const auto& token : tokens)
    known_.push_back({digest_of(token.value), token.scope});
}

token_set::digest token_set::digest_of(std::string_view token) {
  return events::sha256_of(token);
}

std::string token_set::name_of(const digest& value) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string name = "token:";
  for (std::size_t i = 0; i < 6; ++i) {
    name.push_back(hex[value[i] >> 4]);
    name.push_back(hex[value[i] & 15]);
  }
  return name;
}

std::optional<caller> token_set::caller_of(std::string_view authorization) const {
  const auto token = bearer_token(authorization);
  if (!token) return std::nullopt;
  const auto given = digest_of(*token);
  const known_token* found = nullptr;
  for (const auto& known : known_)
    if (::CRYPTO_memcmp(known.of.data(), given.data(), given.size()) == 0) found = &known;
  if (found == nullptr) return std::nullopt;
  return caller{name_of(given), found->scope};
}

}  // namespace platen::http
