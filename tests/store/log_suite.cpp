#include "tests/store/log_suite.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "events/hash.hpp"
#include "store/verify.hpp"

namespace platen::store::testing {

append_request request(const std::string& stream, std::uint64_t expected_version,
                       std::size_t count) {
  append_request result;
  result.stream = stream;
  result.expected_version = expected_version;
  result.why = {"request-" + std::to_string(expected_version), "token-1", events::origin::api};
  result.time_us = 1'700'000'000'000'000 + static_cast<std::int64_t>(expected_version);
  for (std::size_t i = 0; i < count; ++i) {
    events::preparation_started started;
    started.attempt = static_cast<std::uint32_t>(expected_version + i + 1);
    started.deadline_us = 99;
    result.what.emplace_back(started);
  }
  return result;
}

result<appended> append_and_wait(event_log& log, append_request what) {
  std::promise<result<appended>> outcome;
  log.append(std::move(what), [&](result<appended> value) { outcome.set_value(std::move(value)); });
  return outcome.get_future().get();
}

std::vector<events::envelope> all_events(const event_log& log, std::uint64_t after) {
  std::vector<events::envelope> seen;
  const auto read = log.read_all(after, [&](const auto& event) {
    seen.push_back(event);
    return true;
  });
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  return seen;
}

std::vector<events::envelope> stream_events(const event_log& log, const std::string& stream,
                                            std::uint64_t after) {
  std::vector<events::envelope> seen;
  const auto read = log.read_stream(stream, after, [&](const auto& event) {
    seen.push_back(event);
    return true;
  });
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  return seen;
}

namespace {

std::uint32_t attempt_of(const events::envelope& event) {
  return std::get<events::preparation_started>(event.what).attempt;
}

void an_empty_log_is_empty(event_log& log) {
  CHECK(log.newest().sequence == 0);
  CHECK(log.newest().hash == events::digest{});
  CHECK(all_events(log).empty());
  CHECK(stream_events(log, "template/none").empty());
  CHECK(verify(log).ok());
}

void an_append_says_where_its_events_are(event_log& log) {
  const auto first = append_and_wait(log, request("template/a", 0, 3));
  REQUIRE(first);
  CHECK(first->first_sequence == 1);
  CHECK(first->version == 3);
  const auto second = append_and_wait(log, request("template/b", 0, 2));
  REQUIRE(second);
  CHECK(second->first_sequence == 4);
  CHECK(second->version == 2);
  CHECK(log.newest().sequence == 5);
  CHECK(log.newest().hash == all_events(log).back().hash);
}

void events_come_back_as_they_were_given(event_log& log) {
  auto given = request("instance/x", 0);
  given.why = {"req-7", "alice", events::origin::gateway};
  given.time_us = 1'234'567;
  events::instance_failed failed;
  failed.console_tail = std::string("\0\xff\n\"\\ tail", 10);
  given.what = {failed, events::instance_deleted{},
                events::unknown_event{"FromTheFuture", "\x01z"}};
  REQUIRE(append_and_wait(log, given));

  const auto seen = stream_events(log, "instance/x");
  REQUIRE(seen.size() == 3);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].sequence == i + 1);
    CHECK(seen[i].version == i + 1);
    CHECK(seen[i].stream == "instance/x");
    CHECK(seen[i].why == given.why);
    CHECK(seen[i].time_us == 1'234'567);
    CHECK(seen[i].schema == events::schema_version);
    CHECK(seen[i].what == given.what[i]);
  }
}

void a_wrong_expected_version_is_refused_and_writes_nothing(event_log& log) {
  REQUIRE(append_and_wait(log, request("template/a", 0, 2)));
  for (const std::uint64_t wrong : {0U, 1U, 3U}) {
    const auto refused = append_and_wait(log, request("template/a", wrong, 2));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().what == error::kind::version_conflict);
    CHECK(refused.error().message.find("template/a is at version 2") != std::string::npos);
  }
  CHECK(append_and_wait(log, request("template/new", 1)).error().what ==
        error::kind::version_conflict);
  CHECK(all_events(log).size() == 2);
  CHECK(append_and_wait(log, request("template/a", 2)));
}

void malformed_requests_are_refused(event_log& log) {
  const auto kind_of = [&](append_request what) {
    const auto refused = append_and_wait(log, std::move(what));
    REQUIRE_FALSE(refused);
    return refused.error().what;
  };
  CHECK(kind_of(request("", 0)) == error::kind::invalid);
  CHECK(kind_of(request("with space", 0)) == error::kind::invalid);
  CHECK(kind_of(request(std::string("a\0b", 3), 0)) == error::kind::invalid);
  CHECK(kind_of(request(std::string(256, 'x'), 0)) == error::kind::invalid);
  CHECK(kind_of(request("template/a", 0, 0)) == error::kind::invalid);
  CHECK(kind_of(request("template/a", 0, 65)) == error::kind::too_large);
  auto big = request("template/a", 0);
  big.what = {events::unknown_event{"Big", std::string((4U << 20U) + 1, 'x')}};
  CHECK(kind_of(big) == error::kind::too_large);
  big.what.assign(5, events::unknown_event{"Big", std::string(4U << 20U, 'x')});
  CHECK(kind_of(big) == error::kind::too_large);
  auto chatty = request("template/a", 0);
  chatty.why.request_id = std::string(1025, 'x');
  CHECK(kind_of(chatty) == error::kind::too_large);
  CHECK(log.newest().sequence == 0);

  CHECK(append_and_wait(log, request(std::string(255, 'x'), 0, 64)));
}

void reading_starts_after_the_given_place_and_stops_on_demand(event_log& log) {
  for (std::uint64_t version = 0; version < 6; ++version) {
    REQUIRE(append_and_wait(log, request("template/a", version)));
    REQUIRE(append_and_wait(log, request("template/ab", version)));
  }
  const auto tail = all_events(log, 9);
  REQUIRE(tail.size() == 3);
  CHECK(tail.front().sequence == 10);
  CHECK(all_events(log, 12).empty());
  CHECK(all_events(log, ~std::uint64_t{0}).empty());

  const auto later = stream_events(log, "template/a", 4);
  REQUIRE(later.size() == 2);
  CHECK(attempt_of(later.front()) == 5);
  CHECK(stream_events(log, "template/a", 6).empty());
  CHECK(stream_events(log, "template/a", ~std::uint64_t{0}).empty());
  CHECK(stream_events(log, "template/").empty());

  int visited = 0;
  REQUIRE(log.read_all(0, [&](const auto&) { return ++visited < 2; }));
  CHECK(visited == 2);
  visited = 0;
  REQUIRE(log.read_stream("template/a", 0, [&](const auto&) { return ++visited < 3; }));
  CHECK(visited == 3);
}

void every_event_carries_its_predecessors_hash(event_log& log) {
  for (std::uint64_t i = 0; i < 5; ++i)
    REQUIRE(append_and_wait(log, request("template/" + std::to_string(i), 0, 2)));
  events::digest previous{};
  for (const auto& event : all_events(log)) {
    CHECK(event.previous_hash == previous);
    previous = event.hash;
  }
  const auto report = verify(log);
  CHECK(report.ok());
  CHECK(report.events == 10);
  CHECK(report.streams == 5);
  CHECK(report.verified.hash == log.newest().hash);
}

void listeners_hear_of_news_until_they_unsubscribe(event_log& log) {
  std::mutex mutex;
  std::vector<std::uint64_t> heard;
  std::uint64_t self = 0;
  std::atomic<int> once = 0;
  const auto token = log.subscribe([&](std::uint64_t newest) {
    const std::lock_guard lock(mutex);
    heard.push_back(newest);
  });
  self = log.subscribe([&](std::uint64_t) {
    ++once;
    log.unsubscribe(self);
  });
  // The listener for the last commit that is waited for runs after its callback: a further commit
  // on the same writer has to come after it.
  REQUIRE(append_and_wait(log, request("template/a", 0, 2)));
  REQUIRE(append_and_wait(log, request("template/a", 2)));
  REQUIRE(append_and_wait(log, request("template/a", 3)));
  REQUIRE_FALSE(append_and_wait(log, request("template/a", 9)));
  log.unsubscribe(token);
  const auto before = heard;
  REQUIRE(append_and_wait(log, request("template/a", 4)));
  CHECK(heard == before);
  CHECK(heard == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(once == 1);
}

void callbacks_see_their_events_and_may_append(event_log& log) {
  std::promise<result<appended>> nested;
  std::size_t visible = 0;
  log.append(request("template/a", 0, 2), [&](const result<appended>& first) {
    visible = all_events(log).size();
    log.append(request("template/a", first->version),
               [&](result<appended> second) { nested.set_value(std::move(second)); });
  });
  const auto second = nested.get_future().get();
  REQUIRE(second);
  CHECK(second->version == 3);
  CHECK(visible == 2);
}

void requests_of_one_stream_are_decided_in_order(event_log& log) {
  constexpr std::uint64_t count = 200;
  std::promise<void> finished;
  std::vector<std::uint64_t> versions;
  for (std::uint64_t version = 0; version < count; ++version)
    log.append(request("template/a", version), [&, version](const result<appended>& outcome) {
      if (outcome) versions.push_back(outcome->version);
      if (version + 1 == count) finished.set_value();
    });
  finished.get_future().get();
  REQUIRE(versions.size() == count);
  for (std::uint64_t i = 0; i < count; ++i)
    CHECK(versions[i] == i + 1);
}

void concurrent_appends_leave_one_gapless_chain(event_log& log) {
  constexpr int threads = 8;
  constexpr std::uint64_t each = 50;
  std::atomic<int> conflicts = 0;
  std::atomic<int> won = 0;
  std::vector<std::thread> appenders;
  for (int id = 0; id < threads; ++id)
    appenders.emplace_back([&, id] {
      const std::string own = "instance/" + std::to_string(id);
      for (std::uint64_t version = 0; version < each; ++version) {
        if (!append_and_wait(log, request(own, version))) ++conflicts;
        if (append_and_wait(log, request("template/shared", version))) ++won;
      }
    });
  std::uint64_t read_at_most = 0;
  for (int i = 0; i < 20; ++i)
    read_at_most = std::max(read_at_most, all_events(log).size());
  for (auto& appender : appenders)
    appender.join();

  CHECK(conflicts == 0);
  CHECK(won == static_cast<int>(stream_events(log, "template/shared").size()));
  CHECK(log.newest().sequence == threads * each + static_cast<std::uint64_t>(won));
  CHECK(read_at_most <= log.newest().sequence);
  const auto report = verify(log);
  INFO((report.first_bad ? report.first_bad->message : ""));
  CHECK(report.ok());
  CHECK(report.events == log.newest().sequence);
}

void a_witnessed_head_must_be_in_the_log(event_log& log) {
  REQUIRE(append_and_wait(log, request("template/a", 0, 3)));
  const head witness = log.newest();
  REQUIRE(append_and_wait(log, request("template/a", 3, 2)));
  CHECK(verify(log, witness).ok());

  head other = witness;
  other.hash[0] ^= 1U;
  const auto rewritten = verify(log, other);
  REQUIRE_FALSE(rewritten.ok());
  CHECK(rewritten.first_bad->sequence == 3);

  const auto cut = verify(log, head{9, witness.hash});
  REQUIRE_FALSE(cut.ok());
  CHECK(cut.first_bad->sequence == 6);
}

}  // namespace

void check_conformance(const std::function<std::unique_ptr<event_log>()>& make_log) {
  const auto promise = [&](const char* name, void (*check)(event_log&)) {
    SECTION(name) {
      const auto log = make_log();
      check(*log);
    }
  };
  promise("an empty log is empty", an_empty_log_is_empty);
  promise("an append says where its events are", an_append_says_where_its_events_are);
  promise("events come back as they were given", events_come_back_as_they_were_given);
  promise("a wrong expected version is refused and writes nothing",
          a_wrong_expected_version_is_refused_and_writes_nothing);
  promise("malformed requests are refused", malformed_requests_are_refused);
  promise("reading starts after the given place and stops on demand",
          reading_starts_after_the_given_place_and_stops_on_demand);
  promise("every event carries its predecessor's hash", every_event_carries_its_predecessors_hash);
  promise("listeners hear of news until they unsubscribe",
          listeners_hear_of_news_until_they_unsubscribe);
  promise("callbacks see their events and may append", callbacks_see_their_events_and_may_append);
  promise("requests of one stream are decided in order",
          requests_of_one_stream_are_decided_in_order);
  promise("concurrent appends leave one gapless chain", concurrent_appends_leave_one_gapless_chain);
  promise("a witnessed head must be in the log", a_witnessed_head_must_be_in_the_log);
}

}  // namespace platen::store::testing
