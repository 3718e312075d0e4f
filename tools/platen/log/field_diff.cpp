#include "tools/platen/log/field_diff.hpp"

#include <map>

namespace platen::cli {
namespace {

using nlohmann::json;

void flatten(const json& value, const std::string& path, std::map<std::string, json>& into) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.items())
      flatten(member, path.empty() ? name : path + "." + name, into);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      flatten(value[i], path + "[" + std::to_string(i) + "]", into);
  } else {
    into[path] = value;
  }
}

std::map<std::string, json> flat(const json& value) {
  std::map<std::string, json> out;
  if (!value.is_null()) flatten(value, "", out);
  return out;
}

std::string shown(const json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::vector<field_change> differences(const json& before, const json& after) {
  const auto was = flat(before);
  const auto is = flat(after);
  std::map<std::string, field_change> changes;
  for (const auto& [path, value] : was)
    if (const auto now = is.find(path); now == is.end() || now->second != value)
      changes[path] = {path, value, now == is.end() ? json() : now->second};
  for (const auto& [path, value] : is)
    if (!was.contains(path)) changes[path] = {path, json(), value};
  std::vector<field_change> out;
  for (auto& [path, change] : changes)
    out.push_back(std::move(change));
  return out;
}

const json* field_at(const json& state, const std::string& path) {
  const json* at = &state;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    if (!at->is_object()) return nullptr;
    const auto member = at->find(path.substr(begin, end - begin));
    if (member == at->end()) return nullptr;
    at = &*member;
    begin = end + 1;
  }
  return at->is_primitive() ? at : nullptr;
}

std::string to_text(const field_change& change) {
  return change.field + ": " + shown(change.before) + " → " + shown(change.after);
}

}  // namespace platen::cli
