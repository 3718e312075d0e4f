// How long a request may block: `timeout_s` and its deprecated ancestors in milliseconds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace platen::http {

// -1: for ever, 0: not at all, else the time.
struct wait_time {
  std::optional<std::chrono::milliseconds> bound;  // absent: for ever
  bool waits() const { return !bound || bound->count() > 0; }
};

inline constexpr std::int64_t wait_seconds_limit = 31'536'000;  // a year

// A reader is an object_reader or a query_reader. `deprecated` is wait_timeout_ms or timeout_ms.
// Nothing if neither is there.
template <class Reader>
std::optional<wait_time> read_wait_time(Reader& reader, std::string_view deprecated,
                                        std::vector<std::string>& warnings) {
  const auto seconds = reader.integer("timeout_s", -1, wait_seconds_limit);
  const auto old = reader.integer(deprecated, -1, wait_seconds_limit * 1000);
  if (old) {
    warnings.push_back("'" + reader.path_of(deprecated) +
                       "' is deprecated: use 'timeout_s', in seconds");
    if (seconds) reader.report(deprecated, "cannot be given together with 'timeout_s'");
  }
  if (!seconds && !old) return std::nullopt;
  // The deprecated ones are in milliseconds and rounded up to whole seconds.
  const auto wanted = seconds ? *seconds : (*old < 0 ? -1 : (*old + 999) / 1000);
  if (wanted < 0) return wait_time{std::nullopt};
  return wait_time{std::chrono::seconds(wanted)};
}

}  // namespace platen::http
