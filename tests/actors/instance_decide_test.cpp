#include <catch2/catch.hpp>

#include "actors/instance/decide.hpp"
#include "tests/actors/entity_walk.hpp"

namespace {

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::instance;
using phase = instance::lifecycle;

events::instance_requested request_event(bool from_template, bool autostart = true) {
  events::instance_requested event;
  event.name = "web-1";
  event.autostart = autostart;
  if (from_template) event.template_id = "t";
  events::service service;
  service.port = 443;
  service.destination_port = 8080;
  event.spec->services.push_back(service);
  return event;
}

class instance_under_test {
 public:
  instance_under_test() { now.id = "i"; }

  outcome give(const command& what) {
    auto decided = decide(now, what);
    if (decided) now = tests::after(std::move(now), *decided, 7);
    return decided;
  }

  void until_running(bool from_template) {
    give(request{request_event(from_template)});
    if (from_template) give(clone_granted{now.version, "t.1"});
    give(vm_running{1, "tcg", 42, "gen", {{8080, 33000}}});
  }

  state now;
};

}  // namespace

TEST_CASE("an instance of a template waits for it, one of an image boots at once") {
  instance_under_test of_template;
  of_template.give(request{request_event(true)});
  CHECK(of_template.now.phase == phase::waiting_for_template);
  CHECK(wanted(of_template.now).wants_grant);

  instance_under_test of_image;
  of_image.give(request{request_event(false)});
  CHECK(of_image.now.phase == phase::booting);
  CHECK(wanted(of_image.now).vm == vm_goal::booted);
}

TEST_CASE("without autostart an instance is stopped until it is started") {
  instance_under_test i;
  i.give(request{request_event(true, false)});
  CHECK(i.now.phase == phase::stopped);
  CHECK(wanted(i.now).vm == vm_goal::idle);
  i.give(start{});
  CHECK(i.now.phase == phase::waiting_for_template);
}

TEST_CASE("a running instance knows where its services are forwarded, a stopped one does not") {
  instance_under_test i;
  i.until_running(true);
  REQUIRE(i.now.phase == phase::running);
  CHECK(i.now.spec.services.front().host_port == 33000);
  i.give(vm_exited{1, true, 3, "the workload exited with code 3", ""});
  CHECK(i.now.phase == phase::stopped);
  CHECK(i.now.last_stop->exit_code == 3);
  CHECK_FALSE(i.now.last_stop->by_user);
  CHECK(i.now.spec.services.front().host_port == 0);
}

TEST_CASE("P7: a report of an earlier VM changes nothing") {
  instance_under_test i;
  i.until_running(false);
  i.give(vm_exited{1, false, 0, "gone", ""});
  i.give(start{});
  REQUIRE(i.now.attempt == 2);
  CHECK(i.give(vm_running{1, "tcg", 1, "", {}})->empty());
  CHECK(i.give(vm_exited{1, false, 0, "late", ""})->empty());
  CHECK(i.now.phase == phase::booting);
}

TEST_CASE("an exit before running is a failure, an exit while stopping is the stop") {
  instance_under_test early;
  early.give(request{request_event(false)});
  early.give(vm_exited{1, false, 0, "the guest's kernel panicked", "panic"});
  CHECK(early.now.phase == phase::failed);
  CHECK(early.now.last_failure->console_tail == "panic");

  instance_under_test asked;
  asked.until_running(false);
  asked.give(stop{false, 100});
  CHECK(wanted(asked.now).vm == vm_goal::stopped);
  asked.give(vm_exited{1, true, 143, "terminated", ""});
  CHECK(asked.now.phase == phase::stopped);
  CHECK(asked.now.last_stop->by_user);
}

TEST_CASE("a forced stop overtakes a gentle one, not the other way round") {
  instance_under_test i;
  i.until_running(false);
  i.give(stop{false, 60000});
  CHECK(i.give(stop{false, 1})->empty());
  CHECK(i.give(stop{true, 0})->size() == 1);
  CHECK(i.give(stop{false, 60000})->empty());
  CHECK(i.now.force_stop);
}

TEST_CASE("P7: a VM lost with the daemon: what was starting starts again, what ran is stopped") {
  instance_under_test cloning;
  cloning.give(request{request_event(true)});
  cloning.give(clone_granted{cloning.now.version, "t.1"});
  cloning.give(vm_lost{1});
  CHECK(cloning.now.phase == phase::waiting_for_template);

  instance_under_test booting;
  booting.give(request{request_event(false)});
  booting.give(vm_lost{1});
  CHECK(booting.now.phase == phase::booting);
  CHECK(booting.now.attempt == 2);

  instance_under_test ran;
  ran.until_running(true);
  ran.give(vm_lost{1});
  CHECK(ran.now.phase == phase::stopped);
}

TEST_CASE("P7: an answer to an earlier wait for the template changes nothing") {
  instance_under_test i;
  i.give(request{request_event(true)});
  const auto first_wait = i.now.version;
  i.give(stop{false, 10});
  i.give(start{});
  REQUIRE(i.now.phase == phase::waiting_for_template);
  i.give(clone_granted{first_wait, "t.1"});
  i.give(clone_refused{first_wait, "boot", "no", ""});
  CHECK(i.now.phase == phase::waiting_for_template);
  i.give(clone_granted{i.now.version, "t.1"});
  CHECK(i.now.phase == phase::cloning);
}

TEST_CASE("whatever is commanded in whatever order, an instance keeps its promises") {
  for (const bool from_template : {false, true}) {
    std::vector<command> commands{
        request{request_event(from_template)},
        start{},
        stop{false, 10},
        stop{true, 0},
        instance::remove{},
    };
    // An instance waits first at version 2; later waits begin at versions beyond.
    for (const std::uint64_t version : {2, 4, 5}) {
      commands.push_back(clone_granted{version, "t.1"});
      commands.push_back(clone_refused{version, "boot", "no", ""});
    }
    for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
      commands.push_back(vm_running{attempt, "tcg", 1, "g", {}});
      commands.push_back(vm_exited{attempt, true, 0, "exit", ""});
      commands.push_back(vm_failed{attempt, "clone", "no", ""});
      commands.push_back(vm_lost{attempt});
    }
    using walker = tests::walk<state, command>;
    std::size_t broken = 0;
    const auto promise = [&](bool kept) { broken += kept ? 0 : 1; };
    walker all(commands, [&](const walker::step& s) {
      state replayed;
      replayed.id = "i";
      for (const auto& event : s.history)
        replayed = evolve(std::move(replayed), event);
      promise(replayed == s.after);
      const auto want = wanted(s.after);
      const bool vm = want.vm == vm_goal::cloned || want.vm == vm_goal::booted;
      promise(vm <= (want.attempt != 0));
      promise((want.vm == vm_goal::cloned) <= !s.after.snapshot_id.empty());
      promise((s.before.phase == phase::deleted) <= (!s.decided || s.decided->empty()));
      promise((s.after.phase == phase::running) <= (s.after.start_count > 0));
      promise(s.after.attempt >= s.before.attempt);
    });
    state nothing;
    nothing.id = "i";
    all.from(nothing, 8);
    INFO(all.steps() << " steps");
    CHECK(all.steps() > 10'000);
    CHECK(broken == 0);
  }
}
