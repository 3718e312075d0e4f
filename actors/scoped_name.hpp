// Names as the log and the actors know them: NAME, or SCOPE/NAME of what belongs to a scope.
// Entities of different scopes have nothing to do with each other: no name of one is a name of
// another. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace platen::actors {

// Names that clients give do not contain it.
inline constexpr char scope_end = '/';

inline constexpr std::size_t scope_bytes_limit = 32;

// A scope is also a label of a domain name.
inline bool is_scope(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= scope_bytes_limit && plain(text.front()) &&
         plain(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '-'; });
}

// "team" of "team/web"; empty: the operator's own.
inline std::string_view scope_of(std::string_view name) {
  const auto end = name.find(scope_end);
  return end == std::string_view::npos ? std::string_view() : name.substr(0, end);
}

// "web" of "team/web" and of "web".
inline std::string_view bare_name(std::string_view name) {
  const auto end = name.find(scope_end);
  return end == std::string_view::npos ? name : name.substr(end + 1);
}

// Nobody named it: empty, or a scope alone ("team/").
inline bool is_unnamed(std::string_view name) {
  return bare_name(name).empty();
}

// "team/web"; "team/" without a name.
inline std::string scoped_name(std::string_view scope, std::string_view bare) {
  return scope.empty() ? std::string(bare) : std::string(scope) + scope_end + std::string(bare);
}

// As scoped_name() without a name: what tells, beside a UUID, where it is looked for.
inline std::string scope_alone(std::string_view of_name) {
  return scoped_name(scope_of(of_name), "");
}

}  // namespace platen::actors
