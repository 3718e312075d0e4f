#include "tools/platen/log/step_clock.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/log/written_log.hpp"

using namespace platen;
using namespace platen::cli;

TEST_CASE("a step's end says how long all of it took") {
  tests::written_log log;
  write_shared_preparation(log);
  step_clock clock;
  std::map<std::string, std::int64_t> steps;
  for (const auto& event : log.all())
    if (const auto times = clock.next(event); times.step)
      steps[std::string(events::type_name(event.what)) + " " + times.step->name] = times.step->us;
  CHECK(steps["TemplateSnapshotted prepare"] == 13'000'000);
  CHECK(steps["CloneFinished clone"] == 402'000);
  CHECK(steps["InstanceRunning start"] == 9'909'000);
  CHECK(steps["InstanceStopped ran"] == 46'389'000);
  CHECK(steps["InstanceDeleted lived"] == 56'998'000);
}

TEST_CASE("an event says how long after its stream's previous one it happened") {
  tests::written_log log;
  write_shared_preparation(log);
  step_clock clock;
  const auto all = log.all();
  CHECK(!clock.next(all[0]).since_previous);
  CHECK(!clock.next(all[1]).since_previous);
  CHECK(clock.next(all[2]).since_previous == 0);
  CHECK(clock.next(all[3]).since_previous == 2'000);
}

TEST_CASE("a clock that jumps back makes no negative durations") {
  tests::written_log log;
  events::preparation_started started;
  log.at(10'000).add(tests::template_stream(1), started);
  log.at(4'000).add(tests::template_stream(1), events::template_snapshotted{});
  step_clock clock;
  clock.next(log.all()[0]);
  const auto times = clock.next(log.all()[1]);
  CHECK(times.since_previous == 0);
  CHECK(times.step->us == 0);
}

TEST_CASE("a suspend, a sleep and a conversion are steps") {
  tests::written_log log;
  const auto stream = tests::instance_stream(1);
  const auto at = [&](std::int64_t ms, auto event, std::uint32_t attempt = 1) {
    event.attempt = attempt;
    log.at(ms).add(stream, event);
  };
  at(0, events::instance_suspend_requested{});
  at(100, events::instance_suspended{});
  // It only changes what wakes it.
  at(150, events::instance_suspend_requested{});
  events::instance_resume_started resume;
  resume.suspended_attempt = 1;
  at(1100, resume, 2);
  at(1120, events::instance_running{}, 2);
  at(2000, events::instance_conversion_requested{}, 2);
  log.at(2300).add(stream, events::instance_converted{});
  step_clock clock;
  std::vector<std::pair<std::string, std::int64_t>> steps;
  for (const auto& event : log.all())
    if (const auto times = clock.next(event); times.step)
      steps.emplace_back(times.step->name, times.step->us);
  CHECK(steps ==
        std::vector<std::pair<std::string, std::int64_t>>{
            {"suspend", 100'000}, {"slept", 1'000'000}, {"start", 20'000}, {"convert", 300'000}});
}
