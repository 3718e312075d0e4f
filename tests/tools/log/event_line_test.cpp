#include "tools/platen/log/event_line.hpp"

#include <catch2/catch.hpp>

#include "tests/events/every_event.hpp"
#include "tests/tools/log/written_log.hpp"
#include "tools/platen/output.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

std::string line_of(const tests::written_log& log, std::size_t index) {
  name_book names;
  step_clock clock;
  event_times times;
  const auto all = log.all();
  for (std::size_t i = 0; i <= index; ++i) {
    names.note(all[i]);
    times = clock.next(all[i]);
  }
  return event_line(all[index], times, names);
}

}  // namespace

TEST_CASE("a line names the stream, the time since its last event and the whole step") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto line = line_of(log, 8);
  CHECK(line.rfind("     9  09:40:13.002  template/web          TemplateSnapshotted", 0) == 0);
  CHECK(line.find("+1.00s  prepare 13.0s  system") != std::string::npos);
  CHECK(line.find("memory_bytes=268435456") != std::string::npos);
  CHECK(line.find("disk_bytes") == std::string::npos);
}

TEST_CASE("columns begin where the heading says") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto line = line_of(log, 8);
  CHECK(line.compare(event_heading().find("TYPE"), 19, "TemplateSnapshotted") == 0);
  CHECK(line.compare(event_heading().find("STEP"), 7, "prepare") == 0);
  CHECK(line.compare(event_heading().find("ORIGIN"), 6, "system") == 0);
}

TEST_CASE("digests are shortened, moments written as times, consoles left out") {
  tests::written_log log;
  events::preparation_started started;
  started.deadline_us = tests::written_log::begin_us;
  log.add(tests::template_stream(1), started);
  events::checkpoint_signed signed_off;
  signed_off.head_hash = std::string(64, 'a');
  log.add("system/checkpoints", signed_off);
  events::preparation_failed failed;
  failed.reason = "no";
  failed.console_tail = "panic";
  log.add(tests::template_stream(1), failed);
  CHECK(line_of(log, 0).find("deadline_us=2026-11-22 09:40:00.000") != std::string::npos);
  CHECK(line_of(log, 1).find("head_hash=aaaaaaaaaaaa…") != std::string::npos);
  CHECK(line_of(log, 2).find("panic") == std::string::npos);
}

TEST_CASE("an exit code is shown even if it is 0") {
  tests::written_log log;
  events::instance_stopped stopped;
  stopped.exit_known = true;
  log.add(tests::instance_stream(1), stopped);
  CHECK(line_of(log, 0).find("exit_code=0 exit_known=true") != std::string::npos);
}

TEST_CASE("every event with awkward content is a line") {
  tests::written_log log;
  for (const auto& event : events::testing::every_awkward_event())
    log.add("template/any", event);
  for (std::size_t i = 0; i < log.all().size(); ++i)
    CHECK(!event_summary(log.all()[i], {}).empty());
}

TEST_CASE("text is cut to the terminal by characters, not by bytes") {
  CHECK(fitted("abcdef", 4) == "abc…");
  CHECK(fitted("äöüßé", 5) == "äöüßé");
  CHECK(fitted("äöüßéa", 5) == "äöüß…");
  CHECK(fitted("abcdef", 0) == "abcdef");
}

TEST_CASE("durations are short and never negative") {
  CHECK(human_duration(-5) == "0.0ms");
  CHECK(human_duration(412) == "0.4ms");
  CHECK(human_duration(12'000) == "12ms");
  CHECK(human_duration(1'240'000) == "1.24s");
  CHECK(human_duration(13'100'000) == "13.1s");
  CHECK(human_duration(125'000'000) == "2m05s");
}
