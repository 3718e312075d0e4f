#include "http/request/identifiers.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace platen::http {

namespace {

using uuid_bytes = std::array<unsigned char, 16>;

// OpenSSL takes about as long for many bytes as for a few, and each request needs some.
uuid_bytes random_bytes() {
  thread_local std::array<unsigned char, 1024> store;
  thread_local std::size_t used = store.size();
  uuid_bytes taken{};
  if (used + taken.size() > store.size()) {
    if (::RAND_bytes(store.data(), static_cast<int>(store.size())) != 1)
      throw std::runtime_error("the system has no random numbers");
    used = 0;
  }
  std::copy_n(store.begin() + static_cast<std::ptrdiff_t>(used), taken.size(), taken.begin());
  used += taken.size();
  return taken;
}

}  // namespace

std::string random_uuid() {
  auto bytes = random_bytes();
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.push_back(hex[bytes[i] >> 4]);
    text.push_back(hex[bytes[i] & 15]);
  }
  return text;
}

std::string request_id_from(std::string_view header) {
  const bool usable = !header.empty() && header.size() <= 128 &&
                      std::all_of(header.begin(), header.end(), [](unsigned char c) {
                        return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
                      });
  return usable ? std::string(header) : random_uuid();
}

}  // namespace platen::http
