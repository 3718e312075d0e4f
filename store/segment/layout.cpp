#include "store/segment/layout.hpp"

#include <algorithm>

#include "events/hash.hpp"

namespace platen::store::segment {

namespace {

constexpr std::string_view magic = "PLSEGv1\n";
constexpr std::string_view magic_of_any_version = "PLSEGv";
constexpr std::string_view end_magic = "PLSEGEND";

using fault = tl::unexpected<std::string>;

template <class Number>
void put(std::string& out, Number value) {
  for (unsigned shift = 0; shift < 8 * sizeof(Number); shift += 8)
    out += static_cast<char>(static_cast<std::uint64_t>(value) >> shift & 0xffU);
}

void put_text(std::string& out, std::string_view text, std::size_t limit) {
  const auto kept = text.substr(0, limit);
  put(out, static_cast<std::uint16_t>(kept.size()));
  out += kept;
}

// Takes fields off the front of bytes. Beyond their end it gives zeros and remembers that.
class fields {
 public:
  explicit fields(std::string_view bytes) : rest_(bytes) {}

  template <class Number>
  Number number() {
    std::uint64_t value = 0;
    const auto bytes = take(sizeof(Number));
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << 8U * i;
    return static_cast<Number>(value);
  }

  events::digest digest() {
    events::digest value{};
    const auto bytes = take(value.size());
    std::copy(bytes.begin(), bytes.end(), value.begin());
    return value;
  }

  std::string_view take(std::size_t size) {
    if (size > rest_.size()) complete_ = false;
    const auto taken = complete_ ? rest_.substr(0, size) : std::string_view();
    rest_.remove_prefix(taken.size());
    return taken;
  }

  bool complete() const { return complete_; }

 private:
  std::string_view rest_;
  bool complete_ = true;
};

}  // namespace

std::string encode(const header& value) {
  std::string body;
  put(body, value.first);
  body += events::as_bytes(value.hash_before);
  put(body, value.made_us);
  put_text(body, value.made_by, made_by_limit);
  put_text(body, value.rules, rules_limit);
  std::string bytes(magic);
  put(bytes, static_cast<std::uint32_t>(header_prefix_size + body.size()));
  return bytes + body;
}

tl::expected<std::size_t, std::string> header_size(std::string_view prefix) {
  fields from(prefix);
  const auto found = from.take(magic.size());
  const auto size = from.number<std::uint32_t>();
  if (found != magic && found.starts_with(magic_of_any_version))
    return fault("it is a log segment in another format than PLSEGv1, which this program knows");
  if (found != magic) return fault("it is not a log segment: it does not begin with PLSEGv1");
  if (size < header_prefix_size || size > header_bytes_limit)
    return fault("its header says that it is " + std::to_string(size) + " bytes long");
  return size;
}

tl::expected<header, std::string> decode_header(std::string_view bytes) {
  fields from(bytes);
  from.take(header_prefix_size);
  header value;
  value.first = from.number<std::uint64_t>();
  value.hash_before = from.digest();
  value.made_us = from.number<std::int64_t>();
  value.made_by = from.take(from.number<std::uint16_t>());
  value.rules = from.take(from.number<std::uint16_t>());
  if (!from.complete()) return fault("its header is shorter than its fields");
  if (value.first == 0) return fault("its header says that it begins with event 0");
  return value;
}

std::string encode(const block_head& value) {
  std::string bytes;
  put(bytes, value.compressed);
  put(bytes, value.raw);
  put(bytes, value.first);
  put(bytes, value.records);
  return bytes;
}

tl::expected<block_head, std::string> decode_block_head(std::string_view bytes) {
  fields from(bytes);
  block_head value;
  value.compressed = from.number<std::uint32_t>();
  value.raw = from.number<std::uint32_t>();
  value.first = from.number<std::uint64_t>();
  value.records = from.number<std::uint32_t>();
  if (!from.complete()) return fault("there are too few bytes for a block");
  if (value.compressed == 0 || value.compressed > compressed_bytes_limit || value.raw == 0 ||
      value.raw > raw_bytes_limit)
    return fault("a block says that it has " + std::to_string(value.compressed) +
                 " bytes that expand to " + std::to_string(value.raw));
  if (value.records == 0 || value.records > value.raw)
    return fault("a block says that it has " + std::to_string(value.records) + " records");
  return value;
}

void append_record(std::string& block, std::string_view record) {
  put(block, static_cast<std::uint32_t>(record.size()));
  block += record;
}

tl::expected<std::string_view, std::string> take_record(std::string_view& rest) {
  fields from(rest);
  const auto size = from.number<std::uint32_t>();
  const auto record = from.take(size);
  if (!from.complete()) return fault("a record is longer than its block");
  rest.remove_prefix(sizeof size + record.size());
  return record;
}

std::string encode(const footer& value) {
  std::string bytes(end_magic);
  put(bytes, value.last);
  bytes += events::as_bytes(value.hash);
  put(bytes, value.withheld);
  put(bytes, value.file_bytes);
  return bytes;
}

tl::expected<footer, std::string> decode_footer(std::string_view bytes) {
  fields from(bytes);
  if (from.take(end_magic.size()) != end_magic)
    return fault("it does not end as a log segment does: it was cut off, or something was added");
  footer value;
  value.last = from.number<std::uint64_t>();
  value.hash = from.digest();
  value.withheld = from.number<std::uint64_t>();
  value.file_bytes = from.number<std::uint64_t>();
  if (!from.complete()) return fault("its footer is shorter than its fields");
  return value;
}

}  // namespace platen::store::segment
