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

// FlatBuffers reads scalars in place, and the bytes of a record begin anywhere in memory. Most
// buffers are small; a replay copies two an event, so those are not allocated.
class aligned_copy {
 public:
  explicit aligned_copy(std::string_view bytes) : size_(bytes.size()) {
    if (size_ > small_.size()) large_.resize(size_);
    std::copy(bytes.begin(), bytes.end(), large_.empty() ? small_.data() : large_.data());
  }

  template <class Table>
  const Table* verified() const {
    const auto* const bytes = large_.empty() ? small_.data() : large_.data();
    flatbuffers::Verifier verifier(bytes, size_);
    if (!verifier.VerifyBuffer<Table>(nullptr)) return nullptr;
    return flatbuffers::GetRoot<Table>(bytes);
  }

 private:
  std::size_t size_;
  alignas(std::max_align_t) std::array<std::uint8_t, 1024> small_;
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

// Unpacks the union member whose alternative in the variant is number Index, counting from there.
template <std::size_t Index = 1>
event unpack(const wire::Event& stored) {
  if constexpr (Index < std::variant_size_v<event>) {
    using native = std::variant_alternative_t<Index, event>;
    using table = typename native::TableType;
    if (stored.payload_type() != wire::PayloadUnionTraits<native>::enum_value)
      return unpack<Index + 1>(stored);
    native value;
    static_cast<const table*>(stored.payload())->UnPackTo(&value);
    return value;
  } else {
    return unknown_event{};
  }
}

std::string to_text(const flatbuffers::String* text) {
  return text ? text->str() : std::string();
}

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

struct checked_header {
  envelope place;
  std::string type;
  digest payload_sha256{};
};

tl::expected<checked_header, std::string> read_header(const record_parts& parts) {
  const aligned_copy bytes(parts.header);
  const auto* const header = bytes.verified<wire::Header>();
  if (!header) return fault("the header is not a valid FlatBuffer");
  const auto previous_hash = to_digest(header->previous_hash());
  const auto payload_sha256 = to_digest(header->payload_sha256());
  const auto source = origin_from_string(to_text(header->origin()));
  if (!previous_hash || !payload_sha256)
    return fault("a digest in the header is not 32 bytes long");

  checked_header result;
  result.payload_sha256 = *payload_sha256;
  result.type = to_text(header->type());
  auto& place = result.place;
  place.hash = sha256_of(as_bytes(*previous_hash), parts.header);
  if (as_bytes(place.hash) != parts.hash)
    return fault("the hash of the header is not the stored hash");
  if (!source) return fault("the header names an unknown origin");
  place.previous_hash = *previous_hash;
  place.sequence = header->sequence();
  place.stream = to_text(header->stream());
  place.version = header->version();
  place.schema = header->schema_version();
  place.time_us = header->time_us();
  place.why = {to_text(header->request_id()), to_text(header->principal()), *source,
               to_text(header->command())};
  return result;
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
  if (!is_known_type(type)) return unknown();
  const aligned_copy copy(bytes);
  const auto* const stored = copy.verified<wire::Event>();
  if (!stored) return fault("the event is not a valid FlatBuffer");
  if (stored->payload_type() > wire::Payload::MAX) return unknown();
  if (wire::EnumNamePayload(stored->payload_type()) != type)
    return fault("the event's content is a " +
                 std::string(wire::EnumNamePayload(stored->payload_type())) + ", its header says " +
                 std::string(type));
  if (!stored->payload()) return fault("the event has a type and no content");
  return unpack(*stored);
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

tl::expected<envelope, std::string> decode(std::string_view record) {
  const auto parts = split(record);
  if (!parts) return fault(parts.error());
  auto header = read_header(*parts);
  if (!header) return fault(header.error());
  if (sha256_of(parts->event) != header->payload_sha256)
    return fault("the digest of the event is not the one in its header");
  auto what = decode_payload(header->type, parts->event);
  if (!what) return fault(what.error());
  header->place.what = std::move(*what);
  return std::move(header->place);
}

tl::expected<envelope, std::string> decode_header(std::string_view record) {
  const auto parts = split(record);
  if (!parts) return fault(parts.error());
  auto header = read_header(*parts);
  if (!header) return fault(header.error());
  header->place.what = unknown_event{std::move(header->type), {}};
  return std::move(header->place);
}

tl::expected<std::string_view, std::string> without_event(std::string_view record) {
  const auto parts = split(record);
  if (!parts) return fault(parts.error());
  return record.substr(0, record.size() - parts->event.size());
}

bool is_withheld(std::string_view record) {
  const auto parts = split(record);
  if (!parts || !parts->event.empty()) return false;
  const auto header = read_header(*parts);
  return header && header->payload_sha256 != sha256_of({});
}

}  // namespace platen::events
