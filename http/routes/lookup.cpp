#include "http/routes/lookup.hpp"

#include <algorithm>

#include "events/time.hpp"
#include "http/routes/event_query.hpp"

namespace platen::http {

page read_page(query_reader& query) {
  page wanted;
  wanted.asked_for = query.has("count") || query.has("from") || query.has("order") ||
                     query.has("sortby") || query.has("tags");
  wanted.details = query.boolean("details").value_or(true);
  wanted.count = query.integer("count", 0, page_count_limit).value_or(0);
  wanted.from = query.text("from", 64).value_or("");
  if (query.has("from") && !is_uuid(wanted.from) && !events::from_rfc3339(wanted.from))
    query.report("from", "must be a uuid or an RFC 3339 timestamp");
  const auto order = query.text("order", 16).value_or("asc");
  if (order != "asc" && order != "desc") query.report("order", "must be 'asc' or 'desc'");
  wanted.newest_first = order == "desc";
  if (query.text("sortby", 64).value_or("create_time") != "create_time")
    query.report("sortby", "must be 'create_time'");
  // Clients send them separated by commas, repeated, or both.
  for (const auto& given : query.all("tags"))
    for (auto& tag : split_list(query, "tags", given))
      wanted.tags.push_back(std::move(tag));
  return wanted;
}

bool has_tags(const std::vector<std::string>& there, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& tag) {
    return std::find(there.begin(), there.end(), tag) != there.end();
  });
}

bool page_begins_at(const page& wanted, const std::string& uuid, std::int64_t created_us) {
  if (wanted.from.empty()) return true;
  if (const auto moment = events::from_rfc3339(wanted.from)) {
    // Clients know the moment in whole seconds, so the whole second belongs to the page.
    const auto shown_us = created_us - created_us % 1'000'000;
    return wanted.newest_first ? shown_us <= *moment : created_us >= *moment;
  }
  return uuid == to_lower(wanted.from);
}

}  // namespace platen::http
