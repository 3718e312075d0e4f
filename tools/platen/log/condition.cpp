#include "tools/platen/log/condition.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "tools/common/nearest.hpp"
#include "tools/platen/log/filter_options.hpp"
#include "tools/platen/log/state_fields.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;
using comparison = condition::comparison;

// Longer signs first, because the shorter ones are their beginnings.
constexpr std::array<std::pair<const char*, comparison>, 6> signs{{
    {"!=", comparison::not_equal},
    {"<=", comparison::less_or_equal},
    {">=", comparison::greater_or_equal},
    {"=", comparison::equal},
    {"<", comparison::less},
    {">", comparison::greater},
}};

const std::vector<std::string> event_fields{"type",      "stream",     "origin",
                                            "principal", "request_id", "command"};

bool is_event_field(const std::string& field) {
  return std::find(event_fields.begin(), event_fields.end(), field) != event_fields.end();
}

std::string event_field(const events::envelope& event, const std::string& field) {
  if (field == "type") return std::string(events::type_name(event.what));
  if (field == "stream") return event.stream;
  if (field == "origin") return std::string(events::to_string(event.why.source));
  if (field == "principal") return event.why.principal;
  if (field == "request_id") return event.why.request_id;
  return event.why.command;
}

std::optional<condition> split(const std::string& word) {
  const auto at = word.find_first_of("=<>!");
  if (at == 0 || at == std::string::npos) return std::nullopt;
  for (const auto& [sign, how] : signs)
    if (word.compare(at, std::string(sign).size(), sign) == 0)
      return condition{word.substr(0, at), how, word.substr(at + std::string(sign).size())};
  return std::nullopt;
}

std::optional<failure> unknown_value(const condition& one) {
  const auto* known = one.field == "type"     ? &event_types()
                      : one.field == "origin" ? &event_origins()
                                              : nullptr;
  if (known == nullptr || std::find(known->begin(), known->end(), one.value) != known->end())
    return std::nullopt;
  const auto near = tools::nearest(one.value, *known);
  return failure{exit_code::usage, "there is no " + one.field + " '" + one.value + "'" +
                                       (near ? "; did you mean '" + *near + "'?" : "")};
}

std::optional<failure> unknown_field(const std::string& field) {
  const auto& known = field_names();
  const bool in_list = field.find('[') != std::string::npos;
  if (in_list || is_event_field(field) ||
      std::find(known.begin(), known.end(), field) != known.end())
    return std::nullopt;
  const auto near = tools::nearest(field, known);
  return failure{exit_code::usage,
                 "neither events nor states have a field '" + field + "'" +
                     (near ? "; did you mean '" + *near + "'?" : "; diff and state show them")};
}

template <class T>
bool compare(const T& a, comparison how, const T& b) {
  switch (how) {
    case comparison::equal:
      return a == b;
    case comparison::not_equal:
      return a != b;
    case comparison::less:
      return a < b;
    case comparison::less_or_equal:
      return a <= b;
    case comparison::greater:
      return a > b;
    case comparison::greater_or_equal:
      return a >= b;
  }
  return false;
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

bool state_holds(const condition& one, const json& state) {
  const auto* found = field_at(state, one.field);
  if (found == nullptr) return one.how == comparison::not_equal && !state.is_null();
  if (const auto wanted = number(one.value); wanted && found->is_number())
    return compare(found->get<double>(), one.how, *wanted);
  const auto text = found->is_string() ? found->get<std::string>() : found->dump();
  return compare(text, one.how, one.value);
}

}  // namespace

result<breakpoint> parse_breakpoint(const std::vector<std::string>& words) {
  breakpoint out;
  for (const auto& word : words) {
    const auto one = split(word);
    if (!one)
      return fail(exit_code::usage, "expected FIELD=VALUE (or !=, <, <=, >, >=), found '" + word +
                                        "'; fields of the event are type, stream, origin, "
                                        "principal, request_id, command");
    const bool by_size = one->how != comparison::equal && one->how != comparison::not_equal;
    if (is_event_field(one->field) && by_size)
      return fail(exit_code::usage, one->field + " can only be compared with = and !=");
    if (const auto fault = unknown_field(one->field)) return tl::unexpected(*fault);
    if (const auto fault = unknown_value(*one)) return tl::unexpected(*fault);
    out.conditions.push_back(*one);
    out.text += (out.text.empty() ? "" : " ") + word;
  }
  if (out.conditions.empty())
    return fail(exit_code::usage, "break needs a condition, such as type=InstanceFailed");
  return out;
}

bool holds(const breakpoint& when, const events::envelope& event, const state_source& state,
           const name_book& names) {
  std::optional<json> made;
  return std::all_of(when.conditions.begin(), when.conditions.end(), [&](const condition& one) {
    if (!is_event_field(one.field)) {
      if (!made) made = state();
      return state_holds(one, *made);
    }
    const auto value = event_field(event, one.field);
    const bool by_name = one.field == "stream" && names.label(value) == one.value;
    return compare(by_name ? one.value : value, one.how, one.value);
  });
}

}  // namespace platen::cli
