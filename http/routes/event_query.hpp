// The query parameters that say which events of the log are wanted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "events/filter.hpp"
#include "http/request/query_reader.hpp"

namespace platen::http {

// stream, type, principal, origin, request_id (each repeatable, or a list with commas), since,
// until, after and up_to. Problems are reported to the query. `newest`: the log's newest sequence.
events::filter read_event_filter(query_reader& query, std::uint64_t newest, std::int64_t now_us);

// The items of a list with commas; an empty one is reported.
std::vector<std::string> split_list(query_reader& query, std::string_view name,
                                    const std::string& text);

// "a, b or c"
std::string enumerated(const std::vector<std::string_view>& all);

// A sequence to begin after; negative numbers count from the end: -20 leaves the newest 20.
std::uint64_t first_wanted_after(std::int64_t given, std::uint64_t newest);

}  // namespace platen::http
