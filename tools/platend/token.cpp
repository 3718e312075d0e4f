#include "tools/platend/token.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

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

// Written beside its place and renamed, so that a crash leaves no half token.
tl::expected<void, std::string> write_private(const fs::path& file, const std::string& text) {
  const auto draft = fs::path(file).concat(".tmp");
  std::error_code ignored;
  fs::remove(draft, ignored);
  const int out = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (out < 0) return tl::unexpected(fault(draft, std::strerror(errno)));
  const bool written =
      write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(out) == 0;
  const int reason = errno;
  close(out);
  if (!written) return tl::unexpected(fault(draft, std::strerror(reason)));
  std::error_code failed;
  fs::rename(draft, file, failed);
  if (failed) return tl::unexpected(fault(file, failed.message()));
  return {};
}

}  // namespace

tl::expected<token, std::string> read_token(const fs::path& file) {
  std::ifstream in(file);
  if (!in) return tl::unexpected(fault(file, std::strerror(errno)));
  std::string value;
  std::getline(in, value);
  if (value.size() < shortest_token)
    return tl::unexpected(fault(file, "expected a token of " + std::to_string(shortest_token) +
                                          " or more characters in its first line"));
  if (!std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 127; }))
    return tl::unexpected(fault(file, "a token has printable ASCII characters only, no spaces"));
  return token{value, file, false};
}

tl::expected<token, std::string> read_or_make_token(const fs::path& file) {
  if (fs::exists(file)) return read_token(file);
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return tl::unexpected(fault(file, "the system gave no random bytes"));
  const auto value = hex(bytes);
  if (auto written = write_private(file, value + "\n"); !written)
    return tl::unexpected(written.error());
  return token{value, file, true};
}

}  // namespace platen::platend
