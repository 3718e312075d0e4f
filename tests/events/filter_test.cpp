#include <catch2/catch.hpp>

#include "events/filter.hpp"

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
