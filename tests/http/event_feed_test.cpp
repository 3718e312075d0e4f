// GET /v1/events.
#include <catch2/catch.hpp>

#include "fixture.hpp"
#include "streamed.hpp"

using namespace platen::testing;

namespace {

std::vector<json> events_of(const answer& told) {
  std::vector<json> all;
  std::istringstream lines(unchunked(told.text));
  for (std::string line; std::getline(lines, line);)
    all.push_back(json::parse(line));
  return all;
}

std::vector<int> sequences(const answer& told) {
  std::vector<int> all;
  for (const auto& event : events_of(told))
    all.push_back(event.at("sequence"));
  return all;
}

using numbers = std::vector<int>;

}  // namespace

TEST_CASE(
    "events are lines of JSON, from a sequence or the newest few on, up to a limit, of one "
    "stream") {
  fixture at;
  for (std::uint64_t i = 0; i < 3; ++i) {
    at.append_event("system/a", i);
    at.append_event("system/b", i);
  }
  const auto all = at.get("/v1/events");
  CHECK(all.status == 200);
  CHECK(all.header("content-type") == "application/x-ndjson");
  CHECK(sequences(all) == numbers{1, 2, 3, 4, 5, 6});
  CHECK(events_of(all).at(1).at("stream") == "system/b");
  CHECK(events_of(all).at(1).at("type") == "DaemonStopped");
  CHECK(sequences(at.get("/v1/events?after=4")) == numbers{5, 6});
  CHECK(sequences(at.get("/v1/events?after=1&limit=2")) == numbers{2, 3});
  CHECK(sequences(at.get("/v1/events?stream=system/b")) == numbers{2, 4, 6});
  CHECK(sequences(at.get("/v1/events?stream=system/b&after=2&limit=1")) == numbers{4});
  CHECK(sequences(at.get("/v1/events?after=6")).empty());
  CHECK(sequences(at.get("/v1/events?after=-2")) == numbers{5, 6});
  CHECK(sequences(at.get("/v1/events?after=-100")) == numbers{1, 2, 3, 4, 5, 6});
  CHECK(sequences(at.get("/v1/events?stream=system/c")).empty());
}

TEST_CASE("more events than one batch holds all arrive, once and in order") {
  fixture at;
  for (std::uint64_t i = 0; i < 1000; ++i)
    at.append_event("system/a", i);
  const auto got = sequences(at.get("/v1/events"));
  REQUIRE(got.size() == 1000);
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == static_cast<int>(i) + 1);
}

TEST_CASE("event parameters are checked") {
  fixture at;
  for (const std::string query :
       {"after=1.5", "after=x", "limit=0", "stream=a", "stream=a%20b/c", "follow=x", "folow=true",
        "stream=", "stream=a/b,", "stream=/*", "stream=a/b*", "type=", "since=yesterday",
        "until=5x", "up_to=-1"})
    CHECK(at.get("/v1/events?" + query).status == 400);
  CHECK(at.get("/v1/events", "{}").status == 400);
}

TEST_CASE("a follower sees what happens, until it has enough") {
  fixture at;
  at.append_event("system/a", 0);
  raw_connection follower(at);
  follower.send(request_text("GET /v1/events?follow=true&limit=3 HTTP/1.1"));
  CHECK(follower.receive("\"sequence\":1,").find("200 OK") != std::string::npos);
  at.append_event("system/a", 1);
  CHECK(follower.receive("\"sequence\":2,").find("sequence") != std::string::npos);
  at.append_event("system/a", 2);
  const auto end = follower.receive("0\r\n\r\n");
  CHECK(end.find("\"sequence\":3,") != std::string::npos);
}

TEST_CASE("a follower of one stream is not told of the others") {
  fixture at;
  raw_connection follower(at);
  follower.send(request_text("GET /v1/events?follow=true&limit=1&stream=system/b HTTP/1.1"));
  follower.receive("\r\n\r\n");
  at.append_event("system/a", 0);
  at.append_event("system/b", 0);
  const auto told = follower.receive("0\r\n\r\n");
  CHECK(told.find("system/b") != std::string::npos);
  CHECK(told.find("system/a") == std::string::npos);
}

TEST_CASE("P8: followers are bounded, and one that leaves makes room without any event") {
  platen::http::limits bounds;
  bounds.event_followers = 1;
  fixture at(bounds);
  {
    raw_connection follower(at);
    follower.send(request_text("GET /v1/events?follow=true HTTP/1.1"));
    follower.receive("\r\n\r\n");
    const auto refused = at.get("/v1/events?follow=true");
    CHECK(refused.status == 429);
    CHECK(refused.header("retry-after") == "10");
    CHECK(at.get("/v1/events").status == 200);
  }
  // The place is given back once the server has seen the end of the connection; each attempt is a
  // request of its own.
  std::string told;
  do {
    raw_connection next(at);
    next.send(request_text("GET /v1/events?follow=true HTTP/1.1"));
    told = next.receive("\r\n");
  } while (told.find("429") != std::string::npos);
  CHECK(told.find("200 OK") != std::string::npos);
}

TEST_CASE("a stopping server ends its followers' answers properly") {
  fixture at;
  raw_connection follower(at);
  follower.send(request_text("GET /v1/events?follow=true HTTP/1.1"));
  follower.receive("\r\n\r\n");
  at.server->stop();
  CHECK(follower.receive() == "0\r\n\r\n");
}

TEST_CASE("events are filtered by stream, type, cause, time and sequence") {
  fixture at;
  const auto append = [&](const std::string& stream, std::uint64_t before,
                          const platen::events::cause& why, std::int64_t second,
                          platen::events::event what) {
    at.log.append({stream, before, why, second * 1'000'000, {std::move(what)}},
                  [](const auto& done) { REQUIRE(done); });
  };
  using platen::events::origin;
  append("instance/a", 0, {"r1", "token:one", origin::api}, 1, platen::events::instance_deleted{});
  append("template/b", 0, {"r2", "token:two", origin::api}, 2, platen::events::guest_signalled{});
  append("template/c", 0, {"r2", "platend", origin::guest}, 3, platen::events::guest_signalled{});
  append("system/d", 0, {"", "platend", origin::system}, 4, platen::events::daemon_stopped{});
  append("instance/a", 1, {"r3", "platend", origin::timer}, 5, platen::events::daemon_stopped{});
  const auto get = [&](const std::string& query) {
    return sequences(at.get("/v1/events?" + query));
  };
  CHECK(get("stream=instance/a,system/d") == numbers{1, 4, 5});
  CHECK(get("stream=instance/a&stream=system/d") == numbers{1, 4, 5});
  CHECK(get("stream=template/*") == numbers{2, 3});
  CHECK(get("type=GuestSignalled") == numbers{2, 3});
  CHECK(get("type=GuestSignalled,InstanceDeleted&limit=2") == numbers{1, 2});
  CHECK(get("principal=platend") == numbers{3, 4, 5});
  CHECK(get("origin=guest,timer") == numbers{3, 5});
  CHECK(get("request_id=r2&origin=api") == numbers{2});
  CHECK(get("since=1970-01-01T00:00:03Z") == numbers{3, 4, 5});
  CHECK(get("until=1970-01-01T00:00:03Z") == numbers{1, 2});
  CHECK(get("since=15m").empty());
  CHECK(get("after=1&up_to=3") == numbers{2, 3});
  CHECK(get("up_to=3&stream=instance/a") == numbers{1});
  CHECK(get("up_to=0").empty());
  CHECK(get("up_to=3&follow=true") == numbers{1, 2, 3});
}

TEST_CASE("unknown types and origins are refused with those there are") {
  fixture at;
  const auto type = at.get("/v1/events?type=Nothing");
  CHECK(type.status == 400);
  CHECK(type.message().find("the query parameter 'type' has 'Nothing', which is none of "
                            "TemplateRequested, PreparationScheduled") == 0);
  CHECK(type.message().find("RequestBegan, RequestAnswered") != std::string::npos);
  const auto origin = at.get("/v1/events?origin=api,alien");
  CHECK(origin.status == 400);
  CHECK(origin.message() ==
        "the query parameter 'origin' has 'alien', which is none of api, guest, timer, gateway, "
        "reconcile or system");
}

TEST_CASE("a feed that passes thousands of events over still finds the one it wants") {
  fixture at;
  for (std::uint64_t i = 0; i < 10'000; ++i)
    at.append_event("system/a", i);
  at.append_event("instance/b", 0);
  CHECK(sequences(at.get("/v1/events?stream=instance/*")) == numbers{10'001});
  CHECK(sequences(at.get("/v1/events?stream=instance/*&follow=true&limit=1")) == numbers{10'001});
}

TEST_CASE("a follower to whom nothing matters is kept, gets empty lines, and may leave") {
  platen::http::limits bounds;
  bounds.event_followers = 1;
  bounds.heartbeat = std::chrono::seconds(1);
  fixture at(bounds);
  {
    raw_connection follower(at);
    follower.send(request_text("GET /v1/events?follow=true&type=GuestSignalled HTTP/1.1"));
    follower.receive("\r\n\r\n");
    at.append_event("system/a", 0);
    CHECK(follower.receive("1\r\n\n\r\n") == "1\r\n\n\r\n");
    CHECK(follower.receive("1\r\n\n\r\n") == "1\r\n\n\r\n");
  }
  std::string told;
  do {
    raw_connection next(at);
    next.send(request_text("GET /v1/events?follow=true HTTP/1.1"));
    told = next.receive("\r\n");
  } while (told.find("429") != std::string::npos);
  CHECK(told.find("200 OK") != std::string::npos);
}
