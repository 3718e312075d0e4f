#include "events/json.hpp"

#include <flatbuffers/idl.h>
#include <flatbuffers/util.h>
#include <openssl/evp.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "events/schema_text.hpp"

namespace platen::events {

namespace {

// FlatBuffers writes a byte that is not UTF-8 as \xNN, which JSON does not have.
std::string with_replacement_characters(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    if (!escape) {
      result += text[i];
    } else if (text[i + 1] == 'x') {
      result += "\\ufffd";
      i += 3;
    } else {
      result.append(text, i, 2);
      ++i;
    }
  }
  return result;
}

std::unique_ptr<flatbuffers::Parser> parse_schema() {
  flatbuffers::IDLOptions options;
  options.strict_json = true;
  options.output_default_scalars_in_json = true;
  options.indent_step = -1;
  options.allow_non_utf8 = true;
  auto parser = std::make_unique<flatbuffers::Parser>(options);
  if (!parser->Parse(schema_text)) throw std::logic_error("event.fbs: " + parser->error_);
  return parser;
}

const flatbuffers::Parser& schema() {
  static const std::unique_ptr<const flatbuffers::Parser> parsed = parse_schema();
  return *parsed;
}

std::string base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

struct data_writer {
  std::string operator()(const unknown_event& value) const {
    if (value.bytes.empty() && is_known_type(value.type)) return R"({"withheld":true})";
    return R"({"bytes":")" + base64(value.bytes) + "\"}";
  }

  template <class T>
  std::string operator()(const T& value) const {
    flatbuffers::FlatBufferBuilder builder(512);
    builder.Finish(T::TableType::Pack(builder, &value));
    const auto* const table =
        flatbuffers::GetRoot<typename T::TableType>(builder.GetBufferPointer());
    const std::string name = std::string("platen.events.wire.") +
                             wire::EnumNamePayload(wire::PayloadUnionTraits<T>::enum_value);
    std::string text;
    if (!flatbuffers::GenerateTextFromTable(schema(), table, name, &text))
      throw std::logic_error("no JSON for " + name);
    return with_replacement_characters(text);
  }
};

}  // namespace

std::string json_string(const std::string& text) {
  std::string escaped;
  flatbuffers::EscapeString(text.data(), text.size(), &escaped, true, false);
  return with_replacement_characters(escaped);
}

std::string to_rfc3339(std::int64_t time_us) {
  using namespace std::chrono;
  constexpr sys_time<microseconds> first = sys_days(year(0) / January / 1);
  constexpr sys_time<microseconds> last = sys_days(year(10000) / January / 1) - microseconds(1);
  const auto when = std::clamp(sys_time<microseconds>(microseconds(time_us)), first, last);
  const auto day = floor<days>(when);
  const year_month_day date(day);
  const hh_mm_ss time(when - day);
  std::string text = "0000-00-00T00:00:00.000000Z";
  const auto put = [&](std::size_t end, std::int64_t value) {
    for (; value > 0; value /= 10)
      text[--end] = static_cast<char>('0' + value % 10);
  };
  put(4, static_cast<int>(date.year()));
  put(7, static_cast<unsigned>(date.month()));
  put(10, static_cast<unsigned>(date.day()));
  put(13, time.hours().count());
  put(16, time.minutes().count());
  put(19, time.seconds().count());
  put(26, time.subseconds().count());
  return text;
}

std::string data_to_json(const event& value) {
  return std::visit(data_writer{}, value);
}

std::string to_json(const envelope& value) {
  const auto quoted = [](std::string_view text) { return json_string(std::string(text)); };
  std::string line = "{\"sequence\":" + std::to_string(value.sequence);
  line += ",\"stream\":" + json_string(value.stream);
  line += ",\"version\":" + std::to_string(value.version);
  line += ",\"type\":" + quoted(type_name(value.what));
  line += ",\"schema\":" + std::to_string(value.schema);
  line += ",\"time\":" + quoted(to_rfc3339(value.time_us));
  line += ",\"origin\":" + quoted(to_string(value.why.source));
  line += ",\"principal\":" + json_string(value.why.principal);
  line += ",\"request_id\":" + json_string(value.why.request_id);
  line += ",\"command\":" + json_string(value.why.command);
  line += ",\"previous_hash\":" + quoted(to_hex(value.previous_hash));
  line += ",\"hash\":" + quoted(to_hex(value.hash));
  line += ",\"data\":" + data_to_json(value.what) + "}";
  return line;
}

}  // namespace platen::events
