// Moments as people and clients write them. Pure and thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace platen::events {

// Microseconds since the Unix epoch from RFC 3339: "2026-11-22T06:14:04.5Z", with any offset, or
// only a date, which is its first moment in UTC. Nothing if it is none.
std::optional<std::int64_t> from_rfc3339(std::string_view text);

// The same, or a time before `now_us`: "90s", "15m", "2h", "3d". The error says what is expected.
tl::expected<std::int64_t, std::string> parse_time(const std::string& text, std::int64_t now_us);

}  // namespace platen::events
