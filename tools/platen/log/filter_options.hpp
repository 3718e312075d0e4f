// The options that choose events, the same for every command that shows some.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/filter.hpp"
#include "tools/platen/log/name_book.hpp"

namespace platen::cli {

// As typed.
struct filter_wish {
  std::vector<std::string> streams;
  std::vector<std::string> types;
  std::vector<std::string> principals;
  std::vector<std::string> origins;
  std::vector<std::string> request_ids;
  std::string since;
  std::string until;
  std::int64_t after = 0;  // negative: counted from the end
  std::optional<std::uint64_t> up_to;
};

void add_filter_options(CLI::App& command, filter_wish& wish);

// `newest` is the log's newest sequence, for a negative --after; `now_us` the clock, for ages. The
// failure names the option and, for a type or origin that does not exist, the nearest that does.
result<events::filter> to_filter(const filter_wish& wish, const name_book& names,
                                 std::uint64_t newest, std::int64_t now_us);

// Whether to_filter will look into the name book.
bool needs_names(const filter_wish& wish);

// The names of all events, as in the schema.
const std::vector<std::string>& event_types();
const std::vector<std::string>& event_origins();

// Microseconds since the Unix epoch.
std::int64_t clock_now_us();

}  // namespace platen::cli
