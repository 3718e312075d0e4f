#include <catch2/catch.hpp>

#include "events/filter.hpp"
#include "events/json.hpp"

using namespace platen::events;

namespace {

envelope example() {
  envelope value;
  value.sequence = 10;
  value.stream = "template/7";
  value.time_us = 1'000;
  value.why = {"req-1", "token-1", origin::guest};
  value.what = guest_signalled{};
  return value;
}

constexpr std::int64_t now_us = 1'763'791'200'000'000;

}  // namespace

TEST_CASE("a filter without conditions passes every event") {
  CHECK(passes({}, example()));
  CHECK(is_unrestricted({}));
}

TEST_CASE("each condition keeps events out by itself") {
  const auto with = [](auto set) {
    filter wanted;
    set(wanted);
    CHECK_FALSE(is_unrestricted(wanted));
    return passes(wanted, example());
  };
  CHECK(with([](auto& f) { f.streams = {"instance/*", "template/7"}; }));
  CHECK(with([](auto& f) { f.streams = {"template/*"}; }));
  CHECK_FALSE(with([](auto& f) { f.streams = {"template/70", "template"}; }));
  CHECK(with([](auto& f) { f.types = {"CloneGranted", "GuestSignalled"}; }));
  CHECK_FALSE(with([](auto& f) { f.types = {"CloneGranted"}; }));
  CHECK(with([](auto& f) { f.principals = {"token-1"}; }));
  CHECK_FALSE(with([](auto& f) { f.principals = {"token-2"}; }));
  CHECK(with([](auto& f) { f.request_ids = {"req-1"}; }));
  CHECK_FALSE(with([](auto& f) { f.request_ids = {"req"}; }));
  CHECK(with([](auto& f) { f.origins = {origin::api, origin::guest}; }));
  CHECK_FALSE(with([](auto& f) { f.origins = {origin::api}; }));
  CHECK(with([](auto& f) { f.since_us = 1'000; }));
  CHECK_FALSE(with([](auto& f) { f.since_us = 1'001; }));
  CHECK(with([](auto& f) { f.until_us = 1'001; }));
  CHECK_FALSE(with([](auto& f) { f.until_us = 1'000; }));
  CHECK(with([](auto& f) { f.after = 9; }));
  CHECK_FALSE(with([](auto& f) { f.after = 10; }));
  CHECK(with([](auto& f) { f.up_to = 10; }));
  CHECK_FALSE(with([](auto& f) { f.up_to = 9; }));
}

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
