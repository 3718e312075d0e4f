#include "tests/events/every_event.hpp"

#include <flatbuffers/idl.h>

#include <stdexcept>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "events/schema_text.hpp"

namespace platen::events::testing {

namespace {

// FlatBuffers' JSON dialect takes any byte as \xNN.
std::string literal(const std::string& text) {
  std::string result = "\"";
  for (const char byte : text)
    result += "\\x" + to_hex(std::string_view(&byte, 1));
  return result + "\"";
}

class generator {
 public:
  generator(const flatbuffers::Parser& schema, const filling& with)
      : schema_(schema), with_(with) {}

  std::string table(const flatbuffers::StructDef& definition) const {
    std::string result = "{";
    for (const auto* const field : definition.fields.vec)
      result += (result.size() > 1 ? "," : "") + field->name + ":" + value(field->value.type);
    return result + "}";
  }

 private:
  std::string value(const flatbuffers::Type& type) const {
    switch (type.base_type) {
      case flatbuffers::BASE_TYPE_STRING:
        return literal(with_.text);
      case flatbuffers::BASE_TYPE_BOOL:
        return "true";
      case flatbuffers::BASE_TYPE_STRUCT:
        return table(*type.struct_def);
      case flatbuffers::BASE_TYPE_VECTOR:
        return list(type.VectorType());
      default:
        return integer(type.base_type);
    }
  }

  std::string list(const flatbuffers::Type& element) const {
    std::string result = "[";
    for (std::size_t i = 0; i < with_.elements; ++i)
      result += (i > 0 ? "," : "") + value(element);
    return result + "]";
  }

  std::string integer(flatbuffers::BaseType type) const {
    if (!with_.largest) return "1";
    switch (type) {
      case flatbuffers::BASE_TYPE_USHORT:
        return std::to_string(std::numeric_limits<std::uint16_t>::max());
      case flatbuffers::BASE_TYPE_INT:
        return std::to_string(std::numeric_limits<std::int32_t>::max());
      case flatbuffers::BASE_TYPE_UINT:
        return std::to_string(std::numeric_limits<std::uint32_t>::max());
      case flatbuffers::BASE_TYPE_LONG:
        return std::to_string(std::numeric_limits<std::int64_t>::max());
      case flatbuffers::BASE_TYPE_ULONG:
        return std::to_string(std::numeric_limits<std::uint64_t>::max());
      default:
        return "1";
    }
  }

  const flatbuffers::Parser& schema_;
  const filling& with_;
};

}  // namespace

std::unique_ptr<flatbuffers::Parser> parse_schema() {
  flatbuffers::IDLOptions options;
  options.allow_non_utf8 = true;
  auto parser = std::make_unique<flatbuffers::Parser>(options);
  if (!parser->Parse(schema_text)) throw std::logic_error(parser->error_);
  return parser;
}

std::vector<event> every_event(const filling& with) {
  const auto parser = parse_schema();
  std::vector<event> result;
  for (std::size_t i = 1; i <= static_cast<std::size_t>(wire::Payload::MAX); ++i) {
    const std::string name = wire::EnumNamesPayload()[i];
    const auto* const definition = parser->LookupStruct("platen.events.wire." + name);
    const std::string json = "{payload_type:\"" + name +
                             "\",payload:" + generator(*parser, with).table(*definition) + "}";
    if (!parser->Parse(json.c_str())) throw std::logic_error(name + ": " + parser->error_);
    const std::string bytes(reinterpret_cast<const char*>(parser->builder_.GetBufferPointer()),
                            parser->builder_.GetSize());
    result.push_back(decode_payload(name, bytes).value());
  }
  return result;
}

std::vector<event> every_awkward_event() {
  using namespace std::string_literals;
  filling with;
  with.text =
      "\0\x01\x1f\x7f \"quoted\\\" \r\n\t \xf0\x9f\x98\x80 \xc3\xa9 \xff\xfe\xc0\x80 "
      "\xed\xa0\x80 \xf7\xbf\xbf\xbf </script> \xe2\x82"s;
  return every_event(with);
}

}  // namespace platen::events::testing
