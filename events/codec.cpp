#include "events/codec.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <unordered_set>
#include <vector>

#include "events/hash.hpp"

namespace platen::events {

namespace {

constexpr std::string_view magic = "PLE1";
constexpr std::size_t length_offset = 4;
constexpr std::size_t hash_offset = 8;
constexpr std::size_t header_offset = hash_offset + sizeof(digest);

using fault = tl::unexpected<std::string>;

std::string_view written(const flatbuffers::FlatBufferBuilder& builder) {
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

// FlatBuffers reads scalars in place, and the bytes of a record begin anywhere in memory: where
// that is not where scalars may lie, they are copied. Most buffers are small, and a replay reads
// two an event, so those are not allocated.
class aligned_bytes {
 public:
  explicit aligned_bytes(std::string_view bytes)
      : original_(bytes), at_(reinterpret_cast<const std::uint8_t*>(bytes.data())) {
    if (reinterpret_cast<std::uintptr_t>(at_) % alignment == 0) return;
    if (bytes.size() > small_.size()) large_.resize(bytes.size());
    auto* const copy = large_.empty() ? small_.data() : large_.data();
    std::copy(bytes.begin(), bytes.end(), copy);
    at_ = copy;
  }
  aligned_bytes(const aligned_bytes&) = delete;
  aligned_bytes& operator=(const aligned_bytes&) = delete;

  template <class Table>
  const Table* verified() const {
    flatbuffers::Verifier verifier(at_, original_.size());
    if (!verifier.VerifyBuffer<Table>(nullptr)) return nullptr;
    return flatbuffers::GetRoot<Table>(at_);
  }

  // The same text in the bytes this was made from.
  std::string_view in_original(const flatbuffers::String* text) const {
    if (!text) return {};
    const auto offset = reinterpret_cast<const std::uint8_t*>(text->c_str()) - at_;
    return original_.substr(static_cast<std::size_t>(offset), text->size());
  }

 private:
  static constexpr std::size_t alignment = 8;  // of the largest scalar

  std::string_view original_;
  const std::uint8_t* at_;
  alignas(alignment) std::array<std::uint8_t, 1024> small_;
  std::vector<std::uint8_t> large_;
};

void append_u32(std::string& out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out += static_cast<char>(value >> shift & 0xffU);
}

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << 8U * i;
  return value;
}

struct packer {
  flatbuffers::FlatBufferBuilder& builder;

  void operator()(const unknown_event&) const {}

  template <class T>
  void operator()(const T& value) const {
    const auto table = T::TableType::Pack(builder, &value);
    builder.Finish(
        wire::CreateEvent(builder, wire::PayloadUnionTraits<T>::enum_value, table.Union()));
  }
};

template <std::size_t Index>
event unpack_as(const void* stored) {
  using native = std::variant_alternative_t<Index, event>;
  native value;
  static_cast<const typename native::TableType*>(stored)->UnPackTo(&value);
  return value;
}

// By the union member's number: how the alternative it is comes about. None for a number that is
// not in use.
using unpacker = event (*)(const void*);
constexpr auto unpackers = [] {
  std::array<unpacker, static_cast<std::size_t>(wire::Payload::MAX) + 1> all{};
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ((all[static_cast<std::size_t>(
          wire::PayloadUnionTraits<std::variant_alternative_t<I + 1, event>>::enum_value)] =
          &unpack_as<I + 1>),
     ...);
  }
  (std::make_index_sequence<std::variant_size_v<event> - 1>());
  return all;
}();

std::optional<digest> to_digest(const flatbuffers::Vector<std::uint8_t>* bytes) {
  digest value{};
  if (!bytes || bytes->size() != value.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), value.begin());
  return value;
}

flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> add_digest(
    flatbuffers::FlatBufferBuilder& builder, const digest& value) {
  return builder.CreateVector(value.data(), value.size());
}

std::string encode_header(const envelope& place, const payload& what) {
  flatbuffers::FlatBufferBuilder builder(512);
  const auto stream = builder.CreateString(place.stream);
  const auto type = builder.CreateString(what.type);
  const auto request_id = builder.CreateString(place.why.request_id);
  const auto principal = builder.CreateString(place.why.principal);
  const auto source = to_string(place.why.source);
  const auto origin_name = builder.CreateString(source.data(), source.size());
  const auto previous_hash = add_digest(builder, place.previous_hash);
  const auto payload_sha256 = add_digest(builder, what.sha256);
  // Absent where there is none, so that a record of schema 1 is encoded to its own bytes again.
  const auto command = place.why.command.empty() ? 0 : builder.CreateString(place.why.command);
  builder.Finish(wire::CreateHeader(builder, place.sequence, stream, place.version, type,
                                    place.schema, place.time_us, request_id, principal, origin_name,
                                    previous_hash, payload_sha256, command));
  return std::string(written(builder));
}

// The parts of a record, located but not yet checked.
struct record_parts {
  std::string_view hash;
  std::string_view header;
  std::string_view event;
};

tl::expected<record_parts, std::string> split(std::string_view record) {
  if (record.size() < header_offset) return fault("the record is shorter than its fixed part");
  if (record.substr(0, magic.size()) != magic) return fault("the record does not begin with PLE1");
  const std::size_t header_size = read_u32(record.substr(length_offset));
  if (header_size > record.size() - header_offset)
    return fault("the header is longer than the record");
  return record_parts{record.substr(hash_offset, sizeof(digest)),
                      record.substr(header_offset, header_size),
                      record.substr(header_offset + header_size)};
}

struct header_digests {
  std::string_view type;  // in the record
  digest payload_sha256{};
};

// Everything of `place` but the event.
tl::expected<header_digests, std::string> read_header(const record_parts& parts, envelope& place) {
  const aligned_bytes bytes(parts.header);
  const auto* const header = bytes.verified<wire::Header>();
  if (!header) return fault("the header is not a valid FlatBuffer");
  const auto previous_hash = to_digest(header->previous_hash());
  const auto payload_sha256 = to_digest(header->payload_sha256());
  if (!previous_hash || !payload_sha256)
    return fault("a digest in the header is not 32 bytes long");
  place.hash = sha256_of(as_bytes(*previous_hash), parts.header);
  if (as_bytes(place.hash) != parts.hash)
    return fault("the hash of the header is not the stored hash");
  const auto source = origin_from_string(bytes.in_original(header->origin()));
  if (!source) return fault("the header names an unknown origin");
  place.previous_hash = *previous_hash;
  place.sequence = header->sequence();
  place.stream = bytes.in_original(header->stream());
  place.version = header->version();
  place.schema = header->schema_version();
  place.time_us = header->time_us();
  place.why.request_id = bytes.in_original(header->request_id());
  place.why.principal = bytes.in_original(header->principal());
  place.why.source = *source;
  place.why.command = bytes.in_original(header->command());
  return header_digests{bytes.in_original(header->type()), *payload_sha256};
}

}  // namespace

bool is_known_type(std::string_view type) {
  static const auto names = [] {
    const auto* const all = wire::EnumNamesPayload();
    const auto* const first = all + 1;  // without NONE
    return std::unordered_set<std::string_view>(
        first, all + static_cast<std::size_t>(wire::Payload::MAX) + 1);
  }();
  return names.contains(type);
}

payload encode_payload(const event& value) {
  payload result;
  result.type = type_name(value);
  if (const auto* const unknown = std::get_if<unknown_event>(&value)) {
    result.bytes = unknown->bytes;
  } else {
    flatbuffers::FlatBufferBuilder builder(512);
    std::visit(packer{builder}, value);
    result.bytes = written(builder);
  }
  result.sha256 = sha256_of(result.bytes);
  return result;
}

tl::expected<event, std::string> decode_payload(std::string_view type, std::string_view bytes) {
  const auto unknown = [&] { return unknown_event{std::string(type), std::string(bytes)}; };
  const aligned_bytes aligned(bytes);
  const auto* const stored = aligned.verified<wire::Event>();
  const bool in_use = stored && stored->payload_type() <= wire::Payload::MAX;
  const std::string_view member = in_use ? wire::EnumNamePayload(stored->payload_type()) : "";
  const bool agrees = in_use && member == type;
  if (!agrees && !is_known_type(type)) return unknown();
  if (!stored) return fault("the event is not a valid FlatBuffer");
  if (!in_use) return unknown();
  if (!agrees)
    return fault("the event's content is a " + std::string(member) + ", its header says " +
                 std::string(type));
  const auto unpack = unpackers[static_cast<std::size_t>(stored->payload_type())];
  if (!stored->payload() || !unpack) return fault("the event has a type and no content");
  return unpack(stored->payload());
}

std::string encode_record(envelope& place, const payload& what) {
  const std::string header = encode_header(place, what);
  place.hash = sha256_of(as_bytes(place.previous_hash), header);

  std::string record;
  record.reserve(header_offset + header.size() + what.bytes.size());
  record += magic;
  append_u32(record, static_cast<std::uint32_t>(header.size()));
  record += as_bytes(place.hash);
  record += header;
  record += what.bytes;
  return record;
}

std::string encode(envelope& value) {
  return encode_record(value, encode_payload(value.what));
}

tl::expected<void, std::string> decode_into(envelope& place, std::string_view record) {
  const auto parts = split(record);
  if (!parts) return fault(parts.error());
  const auto header = read_header(*parts, place);
  if (!header) return fault(header.error());
  if (sha256_of(parts->event) != header->payload_sha256)
    return fault("the digest of the event is not the one in its header");
  auto what = decode_payload(header->type, parts->event);
  if (!what) return fault(std::move(what.error()));
  place.what = *std::move(what);
  return {};
}

tl::expected<envelope, std::string> decode(std::string_view record) {
  envelope place;
  if (auto done = decode_into(place, record); !done) return fault(std::move(done.error()));
  return place;
}

tl::expected<envelope, std::string> decode_header(std::string_view record) {
  const auto parts = split(record);
  if (!parts) return fault(parts.error());
  envelope place;
  const auto header = read_header(*parts, place);
  if (!header) return fault(header.error());
  place.what = unknown_event{std::string(header->type), {}};
  return place;
}

tl::expected<std::string_view, std::string> without_event(std::string_view record) {
  const auto parts = split(record);
  if (!parts) return fault(parts.error());
  return record.substr(0, record.size() - parts->event.size());
}

bool is_withheld(std::string_view record) {
  const auto parts = split(record);
  if (!parts || !parts->event.empty()) return false;
  envelope ignored;
  const auto header = read_header(*parts, ignored);
  return header && header->payload_sha256 != sha256_of({});
}

}  // namespace platen::events
