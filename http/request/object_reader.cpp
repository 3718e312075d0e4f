#include "http/request/object_reader.hpp"

#include <algorithm>
#include <numeric>

#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

using nlohmann::json;

// Levenshtein's distance, for "did you mean".
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string suggestion(const std::string& unknown, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = 3;
  if (unknown.size() > name_limit) return {};
  for (const auto& name : known) {
    const auto distance = edit_distance(unknown, name);
    if (distance < best_distance && distance < name.size()) {
      best = name;
      best_distance = distance;
    }
  }
  return best.empty() ? "" : "; did you mean '" + best + "'?";
}

std::string quoted(const std::string& path) {
  constexpr std::size_t shown = 200;
  return "'" + (path.size() <= shown ? path : path.substr(0, shown) + "...") + "'";
}

}  // namespace

object_reader::object_reader(const json& value, std::string path, first_problem& problem)
    : value_(value), path_(std::move(path)), problem_(problem) {
  if (!value_.is_object())
    problem_.report((path_.empty() ? "the request body" : quoted(path_)) +
                    " must be a JSON object");
}

std::string object_reader::path_of(std::string_view member) const {
  return path_.empty() ? std::string(member) : path_ + "." + std::string(member);
}

void object_reader::report(std::string_view member, std::string_view what) {
  problem_.report(quoted(path_of(member)) + " " + std::string(what));
}

bool object_reader::has(std::string_view member) const {
  return value_.is_object() && value_.contains(member);
}

const json* object_reader::find(std::string_view member) {
  known_.emplace_back(member);
  if (!value_.is_object()) return nullptr;
  const auto at = value_.find(member);
  return at == value_.end() ? nullptr : &*at;
}

const json* object_reader::any(std::string_view member) {
  return find(member);
}

std::optional<std::string> object_reader::text(std::string_view member, std::size_t bytes_limit) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    report(member, "must be a string");
    return std::nullopt;
  }
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > bytes_limit) {
    report(member, "is longer than " + std::to_string(bytes_limit) + " bytes");
    return std::nullopt;
  }
  return text;
}

std::optional<std::int64_t> object_reader::integer(std::string_view member, std::int64_t least,
                                                   std::int64_t most) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  const auto range =
      "must be an integer from " + std::to_string(least) + " to " + std::to_string(most);
  const bool beyond = value->is_number_unsigned() &&
                      value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  if (!value->is_number_integer() || beyond) {
    report(member, range);
    return std::nullopt;
  }
  const auto number = value->get<std::int64_t>();
  if (number < least || number > most) {
    report(member, range);
    return std::nullopt;
  }
  return number;
}

std::optional<bool> object_reader::boolean(std::string_view member) {
  const auto* value = find(member);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  report(member, "must be true or false");
  return std::nullopt;
}

const json* object_reader::object(std::string_view member) {
  const auto* value = find(member);
  if (value == nullptr || value->is_object()) return value;
  report(member, "must be an object");
  return nullptr;
}

const json* object_reader::array(std::string_view member, std::size_t items_limit) {
  const auto* value = find(member);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) {
    report(member, "must be an array");
    return nullptr;
  }
  if (value->size() > items_limit) {
    report(member, "has more than " + std::to_string(items_limit) + " items");
    return nullptr;
  }
  return value;
}

std::vector<std::string> object_reader::texts(std::string_view member, std::size_t items_limit,
                                              std::size_t bytes_limit) {
  std::vector<std::string> all;
  const auto* items = array(member, items_limit);
  if (items == nullptr) return all;
  for (const auto& item : *items) {
    const auto place = std::string(member) + "[" + std::to_string(all.size()) + "]";
    if (!item.is_string()) {
      report(place, "must be a string");
      return all;
    }
    all.push_back(item.get<std::string>());
    if (all.back().size() > bytes_limit)
      report(place, "is longer than " + std::to_string(bytes_limit) + " bytes");
    if (has_forbidden_control(all.back())) report(place, "contains a control character");
  }
  return all;
}

void object_reader::not_supported_yet(std::initializer_list<std::string_view> members) {
  for (const auto member : members)
    if (find(member) != nullptr) report(member, "is not supported yet");
}

void object_reader::refuse_others() {
  if (!value_.is_object()) return;
  for (const auto& item : value_.items()) {
    if (std::find(known_.begin(), known_.end(), item.key()) != known_.end()) continue;
    report(item.key(),
           "is not a valid member of the request body" + suggestion(item.key(), known_));
    return;
  }
}

}  // namespace platen::http
