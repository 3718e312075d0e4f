#include "tools/platen/log/spool.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/tools/log/written_log.hpp"
#include "tools/platen/log/narrator.hpp"

using namespace platen;
using namespace platen::cli;

TEST_CASE("a log whose events were withheld can still be walked and told") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto copy = spool::of(tests::log_without(log.log(), "TemplateSnapshotted"));
  REQUIRE(copy);
  REQUIRE(copy->size() == 20);
  CHECK(events::type_name(copy->at(8)->what) == "TemplateSnapshotted");
  narrator story(find_subject(*copy, *read_names(*copy), "web").value());
  REQUIRE(copy->each([&](const events::envelope& event) {
    story.note(event);
    return true;
  }));
  CHECK(std::any_of(story.steps().begin(), story.steps().end(), [](const told_step& step) {
    return step.text == "TemplateSnapshotted, the rest of which is withheld here";
  }));
}

TEST_CASE("a spooled log has the same events, in any order of reading") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto copy = spool::of(log.log());
  REQUIRE(copy);
  const auto all = log.all();
  REQUIRE(copy->size() == all.size());
  for (std::size_t i = all.size(); i-- > 0;) {
    const auto event = copy->at(i);
    REQUIRE(event);
    CHECK(event->sequence == all[i].sequence);
    CHECK(event->hash == all[i].hash);
    CHECK(event->what == all[i].what);
  }
}

TEST_CASE("a time means the last event recorded up to it, also where the clock jumped back") {
  tests::written_log log;
  log.at(1000).add("system/platend", events::daemon_started{});
  log.at(9000).add("system/platend", events::daemon_stopped{});
  log.at(2000).add("system/platend", events::daemon_started{});
  log.at(8000).add("system/platend", events::daemon_stopped{});
  const auto copy = spool::of(log.log());
  const auto at = [&](std::int64_t ms) {
    return copy->count_up_to_time(tests::written_log::begin_us + ms * 1000);
  };
  CHECK(at(0) == 0);
  CHECK(at(1000) == 1);
  CHECK(at(3000) == 3);
  CHECK(at(8500) == 4);
}

TEST_CASE("a sequence means the events up to it") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto copy = spool::of(log.log());
  CHECK(copy->count_up_to_sequence(0) == 0);
  CHECK(copy->count_up_to_sequence(7) == 7);
  CHECK(copy->count_up_to_sequence(999) == 20);
}
