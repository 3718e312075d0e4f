#include <catch2/catch.hpp>

#include "events/json.hpp"
#include "events/time.hpp"

using namespace platen::events;

namespace {

constexpr std::int64_t now_us = 1'763'791'200'000'000;

}  // namespace

TEST_CASE("times are read as they are written") {
  CHECK(parse_time("2025-11-22T06:00:00.000000Z", 0) == now_us);
  CHECK(parse_time(to_rfc3339(now_us + 1), 0) == now_us + 1);
  CHECK(parse_time("2025-11-22T07:30:00.25+01:30", 0) == now_us + 250'000);
  CHECK(parse_time("2025-11-22", 0) == now_us - 6 * 3'600'000'000);
  CHECK(parse_time("90s", now_us) == now_us - 90'000'000);
  CHECK(parse_time("15m", now_us) == now_us - 900'000'000);
  CHECK(parse_time("2h", now_us) == now_us - 7'200'000'000);
  CHECK(parse_time("1d", now_us) == now_us - 86'400'000'000);
}

TEST_CASE("what is no time is refused with what is expected") {
  for (const auto* text : {"", "yesterday", "5", "5w", "-5s", "2025-13-01", "2025-02-30",
                           "2025-11-22T24:00:00Z", "2025-11-22T06:00:00", "2025-11-22T06:00:00.Z",
                           "2025-11-22T06:00:00Zx", "20251122", "99999999999999999999s"}) {
    INFO(text);
    const auto read = parse_time(text, now_us);
    REQUIRE_FALSE(read);
    CHECK(read.error().find("RFC 3339") != std::string::npos);
  }
}
