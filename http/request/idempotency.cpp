#include "http/request/idempotency.hpp"

#include <algorithm>

#include "actors/scoped_name.hpp"
#include "events/hash.hpp"

namespace platen::http {
namespace {

constexpr std::size_t key_bytes_limit = 255;

bool is_printable(char c) {
  return c >= ' ' && c <= '~';
}

request_error bad_key(const std::string& what) {
  return {400, "the header '" + std::string(idempotency_header) + "' " + what, {}};
}

}  // namespace

tl::expected<std::optional<std::string>, request_error> read_idempotency_key(
    const httplib::Request& request) {
  const auto* const name = idempotency_header.data();
  const auto count = request.get_header_value_count(name);
  if (count == 0) return std::nullopt;
  if (count > 1) return tl::unexpected(bad_key("is given twice"));
  auto key = request.get_header_value(name);
  if (key.empty() || key.size() > key_bytes_limit ||
      !std::all_of(key.begin(), key.end(), is_printable))
    return tl::unexpected(
        bad_key("must be 1 to " + std::to_string(key_bytes_limit) + " printable ASCII characters"));
  return key;
}

request_identity::request_identity(const caller& who, std::string_view key)
    : digest_(events::to_hex(events::sha256()
                                 .update(actors::scoped_name(who.scope, who.principal))
                                 .update(std::string_view("\0", 1))
                                 .update(key)
                                 .finish())) {}

std::string request_identity::uuid_of_item(std::size_t index) const {
  auto bytes = events::sha256_of("instance " + std::to_string(index) + " of " + digest_);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x80);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  auto text = events::to_hex(bytes).substr(0, 32);
  for (const std::size_t dash : {8, 13, 18, 23})
    text.insert(dash, "-");
  return text;
}

}  // namespace platen::http
