// Moments as clients read and write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace platen::http {

// RFC 3339 in UTC with whole seconds: "2026-11-22T06:14:04Z". `time_us` counts from the epoch.
std::string to_seconds_text(std::int64_t time_us);

// Microseconds since the epoch of an RFC 3339 moment, with any offset and up to six decimals;
// nothing if it is none.
std::optional<std::int64_t> from_rfc3339(std::string_view text);

}  // namespace platen::http
