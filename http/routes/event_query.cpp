#include "http/routes/event_query.hpp"

#include <algorithm>
#include <cctype>

#include "events/time.hpp"

namespace platen::http {
namespace {

// As long as the log allows its texts to be.
constexpr std::size_t value_bytes_limit = 1024;
constexpr std::size_t values_limit = 256;

std::vector<std::string> read_list(query_reader& query, std::string_view name) {
  std::vector<std::string> values;
  for (const auto& given : query.all(name)) {
    auto items = split_list(query, name, given);
    values.insert(values.end(), std::make_move_iterator(items.begin()),
                  std::make_move_iterator(items.end()));
  }
  if (values.size() > values_limit)
    query.report(name, "has more than " + std::to_string(values_limit) + " values");
  for (const auto& value : values)
    if (value.size() > value_bytes_limit)
      query.report(name, "is longer than " + std::to_string(value_bytes_limit) + " bytes");
  return values;
}

// <kind>/<id>, or <kind>/*
bool is_stream_pattern(std::string_view text) {
  const bool all_of_kind = text.ends_with("/*");
  if (all_of_kind) text.remove_suffix(2);
  const auto slash = text.find('/');
  const bool is_name = slash != std::string_view::npos && slash > 0 && slash + 1 < text.size();
  return (all_of_kind ? !text.empty() : is_name) &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '/';
         });
}

const std::vector<std::string_view>& event_types() {
  static const auto all = [] {
    std::vector<std::string_view> names;
    // The first is the union's NONE.
    for (const char* const* name = events::wire::EnumNamesPayload() + 1; *name != nullptr; ++name)
      names.emplace_back(*name);
    return names;
  }();
  return all;
}

void check_types(query_reader& query, const std::vector<std::string>& types) {
  const auto& known = event_types();
  for (const auto& type : types)
    if (std::find(known.begin(), known.end(), type) == known.end())
      query.report("type", "has '" + type + "', which is none of " + enumerated(known));
}

std::vector<events::origin> read_origins(query_reader& query) {
  std::vector<std::string_view> known;
  for (int i = 0; i <= static_cast<int>(events::origin::system); ++i)
    known.push_back(to_string(static_cast<events::origin>(i)));
  std::vector<events::origin> origins;
  for (const auto& name : read_list(query, "origin")) {
    if (const auto origin = events::origin_from_string(name))
      origins.push_back(*origin);
    else
      query.report("origin", "has '" + name + "', which is none of " + enumerated(known));
  }
  return origins;
}

std::optional<std::int64_t> read_time(query_reader& query, std::string_view name,
                                      std::int64_t now_us) {
  const auto given = query.text(name, 64);
  if (!given) return std::nullopt;
  const auto time = events::parse_time(*given, now_us);
  if (time) return *time;
  query.report(name, "is wrong: " + time.error());
  return std::nullopt;
}

}  // namespace

std::vector<std::string> split_list(query_reader& query, std::string_view name,
                                    const std::string& text) {
  std::vector<std::string> items;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(',', begin), text.size());
    items.push_back(text.substr(begin, end - begin));
    if (items.back().empty()) query.report(name, "must not have empty values");
    begin = end + 1;
  }
  return items;
}

std::string enumerated(const std::vector<std::string_view>& all) {
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0) text += i + 1 == all.size() ? " or " : ", ";
    text += all[i];
  }
  return text;
}

std::uint64_t first_wanted_after(std::int64_t given, std::uint64_t newest) {
  if (given >= 0) return static_cast<std::uint64_t>(given);
  const auto wanted = static_cast<std::uint64_t>(-given);
  return newest > wanted ? newest - wanted : 0;
}

events::filter read_event_filter(query_reader& query, std::uint64_t newest, std::int64_t now_us) {
  events::filter wanted;
  wanted.after =
      first_wanted_after(query.integer("after", -INT64_MAX, INT64_MAX).value_or(0), newest);
  if (const auto last = query.integer("up_to", 0, INT64_MAX))
    wanted.up_to = static_cast<std::uint64_t>(*last);
  wanted.streams = read_list(query, "stream");
  for (const auto& stream : wanted.streams)
    if (!is_stream_pattern(stream))
      query.report("stream",
                   "must be a stream such as 'instance/<uuid>' or 'system/platend', or all of a "
                   "kind, such as 'template/*'");
  wanted.types = read_list(query, "type");
  check_types(query, wanted.types);
  wanted.principals = read_list(query, "principal");
  wanted.request_ids = read_list(query, "request_id");
  wanted.origins = read_origins(query);
  wanted.since_us = read_time(query, "since", now_us);
  wanted.until_us = read_time(query, "until", now_us);
  return wanted;
}

}  // namespace platen::http
