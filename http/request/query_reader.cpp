#include "http/request/query_reader.hpp"

#include <algorithm>
#include <charconv>

namespace platen::http {
namespace {

constexpr std::size_t parameters_limit = 512;

std::optional<unsigned> hex_value(std::string_view two) {
  unsigned value = 0;
  const auto [end, code] = std::from_chars(two.data(), two.data() + two.size(), value, 16);
  if (code != std::errc{} || end != two.data() + two.size() || two.size() != 2) return std::nullopt;
  return value;
}

// A broken escape stays as it is, like in browsers.
std::string decoded(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto escape = text[i] == '%' ? hex_value(text.substr(i + 1, 2)) : std::nullopt;
    if (escape) {
      plain.push_back(static_cast<char>(*escape));
      i += 2;
    } else {
      plain.push_back(text[i] == '+' ? ' ' : text[i]);
    }
  }
  return plain;
}

}  // namespace

query_reader::query_reader(std::string_view target, first_problem& problem) : problem_(problem) {
  const auto question = target.find('?');
  if (question == std::string_view::npos) return;
  target.remove_prefix(question + 1);
  target = target.substr(0, target.find('#'));
  while (!target.empty()) {
    const auto end = std::min(target.find('&'), target.size());
    const auto one = target.substr(0, end);
    target.remove_prefix(std::min(end + 1, target.size()));
    if (one.empty()) continue;
    const auto equals = std::min(one.find('='), one.size());
    parameters_.emplace_back(decoded(one.substr(0, equals)),
                             decoded(one.substr(std::min(equals + 1, one.size()))));
    if (parameters_.size() > parameters_limit) {
      problem_.report("the query has more than " + std::to_string(parameters_limit) +
                      " parameters");
      return;
    }
  }
}

void query_reader::report(std::string_view name, std::string_view what) {
  problem_.report("the query parameter '" + std::string(name) + "' " + std::string(what));
}

bool query_reader::has(std::string_view name) const {
  return std::any_of(parameters_.begin(), parameters_.end(),
                     [&](const auto& parameter) { return parameter.first == name; });
}

std::vector<std::string> query_reader::all(std::string_view name) {
  known_.emplace_back(name);
  std::vector<std::string> values;
  for (const auto& [parameter, value] : parameters_)
    if (parameter == name) values.push_back(value);
  return values;
}

std::optional<std::string> query_reader::last(std::string_view name, std::size_t bytes_limit) {
  auto values = all(name);
  if (values.empty()) return std::nullopt;
  if (values.back().size() <= bytes_limit) return std::move(values.back());
  report(name, "is longer than " + std::to_string(bytes_limit) + " bytes");
  return std::nullopt;
}

std::optional<std::string> query_reader::text(std::string_view name, std::size_t bytes_limit) {
  auto values = all(name);
  if (values.empty()) return std::nullopt;
  if (values.size() > 1) report(name, "is given twice");
  if (values[0].size() > bytes_limit) {
    report(name, "is longer than " + std::to_string(bytes_limit) + " bytes");
    return std::nullopt;
  }
  return std::move(values[0]);
}

std::optional<std::int64_t> query_reader::integer(std::string_view name, std::int64_t least,
                                                  std::int64_t most) {
  const auto given = text(name, 32);
  if (!given) return std::nullopt;
  std::int64_t number = 0;
  const auto* last = given->data() + given->size();
  const auto [end, code] = std::from_chars(given->data(), last, number);
  if (code == std::errc{} && end == last && number >= least && number <= most) return number;
  report(name, "must be an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return std::nullopt;
}

std::optional<bool> query_reader::boolean(std::string_view name) {
  const auto given = text(name, 16);
  if (!given) return std::nullopt;
  if (*given == "true" || *given == "1") return true;
  if (*given == "false" || *given == "0") return false;
  report(name, "must be true or false");
  return std::nullopt;
}

void query_reader::not_supported_yet(std::initializer_list<std::string_view> names) {
  for (const auto name : names)
    if (!all(name).empty()) report(name, "is not supported yet");
}

void query_reader::refuse_others() {
  for (const auto& [name, value] : parameters_)
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      report(name, "is not a valid parameter of this request");
}

}  // namespace platen::http
