#include "events/hash.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <new>

namespace platen::events {

namespace {

void require(int openssl_status) {
  if (openssl_status != 1) throw std::bad_alloc();
}

// Fetched once: OpenSSL 3 looks the algorithm up again on every use of EVP_sha256().
const EVP_MD* algorithm() {
  static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> fetched(
      EVP_MD_fetch(nullptr, "SHA256", nullptr), &EVP_MD_free);
  if (!fetched) throw std::bad_alloc();
  return fetched.get();
}

std::optional<unsigned> nibble(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return std::nullopt;
}

}  // namespace

void sha256::deleter::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

sha256::sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  require(EVP_DigestInit_ex(context_.get(), algorithm(), nullptr));
}

sha256& sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
  return *this;
}

sha256& sha256::update(const digest& bytes) {
  return update(as_bytes(bytes));
}

digest sha256::finish() {
  digest value{};
  require(EVP_DigestFinal_ex(context_.get(), value.data(), nullptr));
  require(EVP_DigestInit_ex(context_.get(), algorithm(), nullptr));
  return value;
}

digest sha256_of(std::string_view bytes) {
  return sha256_of(bytes, {});
}

digest sha256_of(std::string_view first, std::string_view second) {
  thread_local sha256 hasher;
  return hasher.update(first).update(second).finish();
}

std::string_view as_bytes(const digest& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += digits[value >> 4U];
    text += digits[value & 15U];
  }
  return text;
}

std::string to_hex(const digest& value) {
  return to_hex(as_bytes(value));
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto high = nibble(digits[i]);
    const auto low = nibble(digits[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes += static_cast<char>(*high << 4U | *low);
  }
  return bytes;
}

std::optional<digest> digest_from_hex(std::string_view digits) {
  const auto bytes = from_hex(digits);
  digest value{};
  if (!bytes || bytes->size() != value.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), value.begin());
  return value;
}

}  // namespace platen::events
