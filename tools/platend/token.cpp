#include "tools/platend/token.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "tools/platend/private_file.hpp"

namespace platen::platend {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t shortest_token = 16;

std::string hex(const std::array<unsigned char, 32>& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string fault(const fs::path& file, const std::string& what) {
  return "token file " + file.string() + ": " + what;
}

}  // namespace

std::optional<std::string> fault_of_token(const std::string& value) {
  if (value.size() < shortest_token)
    return "expected a token of " + std::to_string(shortest_token) + " or more characters";
  if (!std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 127; }))
    return "a token has printable ASCII characters only, no spaces";
  return std::nullopt;
}

tl::expected<token, std::string> read_token(const fs::path& file) {
  std::ifstream in(file);
  if (!in) return tl::unexpected(fault(file, std::strerror(errno)));
  std::string value;
  std::getline(in, value);
  if (const auto wrong = fault_of_token(value))
    return tl::unexpected(fault(file, "in its first line, " + *wrong));
  return token{value, file, false};
}

tl::expected<token, std::string> read_or_make_token(const fs::path& file) {
  if (fs::exists(file)) return read_token(file);
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return tl::unexpected(fault(file, "the system gave no random bytes"));
  const auto value = hex(bytes);
  if (auto written = write_private(file, value + "\n"); !written)
    return tl::unexpected("token file " + written.error());
  return token{value, file, true};
}

}  // namespace platen::platend
