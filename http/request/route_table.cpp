#include "http/request/route_table.hpp"

#include <algorithm>
#include <optional>

namespace platen::http {
namespace {

constexpr std::array<std::string_view, 5> method_names = {"GET", "POST", "PUT", "PATCH", "DELETE"};

std::optional<std::size_t> index_of(std::string_view name) {
  if (name == "HEAD") return 0;
  const auto found = std::find(method_names.begin(), method_names.end(), name);
  if (found == method_names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - method_names.begin());
}

// The first part of a path that begins with '/'; it is taken off `path`.
std::string_view next_part(std::string_view& path) {
  path.remove_prefix(1);
  const auto part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

bool is_argument(std::string_view part) {
  return part.starts_with('{') && part.ends_with('}');
}

}  // namespace

std::unique_ptr<route_table::route>& route_table::place(method how, std::string_view pattern) {
  auto* at = &root_;
  while (pattern.starts_with('/')) {
    const auto part = next_part(pattern);
    if (is_argument(part)) at->argument_name = part;
    auto& next = is_argument(part) ? at->any : at->parts[std::string(part)];
    if (!next) next = std::make_unique<node>();
    at = next.get();
  }
  auto& served = at->served[static_cast<std::size_t>(how)];
  served = std::make_unique<route>();
  return served;
}

void route_table::add(method how, std::string_view pattern, handler serve, audience open_to) {
  auto& made = place(how, pattern);
  made->serve = std::move(serve);
  made->open_to = open_to;
}

void route_table::add_upload(std::string_view pattern, upload_handler serve, handler without_body) {
  auto& made = place(method::post, pattern);
  made->serve_upload = std::move(serve);
  made->serve = std::move(without_body);
}

route_table::match route_table::find(std::string_view method_name, std::string_view path) const {
  match found;
  const auto how = index_of(method_name);
  const auto* at = &root_;
  while (at != nullptr && path.starts_with('/')) {
    const auto part = next_part(path);
    if (const auto named = at->parts.find(part); named != at->parts.end()) {
      at = named->second.get();
      continue;
    }
    at = part.empty() ? nullptr : at->any.get();
    found.arguments.emplace_back(part);
  }
  if (at != nullptr && how && path.empty()) found.to = at->served[*how].get();
  return found;
}

void route_table::add_names(const node& from, const std::string& path,
                            std::vector<std::string>& into) {
  for (std::size_t i = 0; i < method_names.size(); ++i)
    if (from.served[i]) into.push_back(std::string(method_names[i]) + " " + path);
  for (const auto& [part, next] : from.parts)
    add_names(*next, path + "/" + part, into);
  if (from.any) add_names(*from.any, path + "/" + from.argument_name, into);
}

std::vector<std::string> route_table::names() const {
  std::vector<std::string> all;
  add_names(root_, "", all);
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace platen::http
