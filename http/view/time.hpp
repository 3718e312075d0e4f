// Moments as clients read them.
#pragma once

#include <cstdint>
#include <string>

namespace platen::http {

// RFC 3339 in UTC with whole seconds: "2026-11-22T06:14:04Z". `time_us` counts from the epoch.
std::string to_seconds_text(std::int64_t time_us);

}  // namespace platen::http
