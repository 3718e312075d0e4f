#include "events/filter.hpp"

#include <algorithm>
#include <string_view>

namespace platen::events {

namespace {

template <class T>
bool any_of(const std::vector<T>& wanted, const auto& matches) {
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), matches);
}

bool names_stream(std::string_view pattern, std::string_view stream) {
  if (!pattern.ends_with("/*")) return pattern == stream;
  pattern.remove_suffix(1);
  return stream.starts_with(pattern);
}

}  // namespace

bool passes(const filter& wanted, const envelope& event) {
  const auto is = [](const auto& value) {
    return [&value](const auto& one) { return one == value; };
  };
  return event.sequence > wanted.after && (!wanted.up_to || event.sequence <= *wanted.up_to) &&
         (!wanted.since_us || event.time_us >= *wanted.since_us) &&
         (!wanted.until_us || event.time_us < *wanted.until_us) &&
         any_of(wanted.streams,
                [&](const auto& pattern) { return names_stream(pattern, event.stream); }) &&
         any_of(wanted.types, is(type_name(event.what))) &&
         any_of(wanted.principals, is(event.why.principal)) &&
         any_of(wanted.request_ids, is(event.why.request_id)) &&
         any_of(wanted.origins, is(event.why.source));
}

bool is_unrestricted(const filter& wanted) {
  return wanted == filter{};
}

}  // namespace platen::events
