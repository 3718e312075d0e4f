// Suspending, waking and converting, as decided by the instance alone.
#include <catch2/catch.hpp>

#include "actors/instance/decide.hpp"
#include "tests/actors/entity_walk.hpp"

namespace {

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::instance;
using phase = instance::lifecycle;

events::instance_requested sleepy_request(bool from_template, bool stateful = true) {
  events::instance_requested event;
  event.name = "web-1";
  event.autostart = true;
  event.service_group_id = "g";
  if (from_template) event.template_id = "t";
  event.spec->scale_to_zero = "on";
  event.spec->stateful = stateful;
  event.spec->cooldown_ms = 1000;
  return event;
}

vm_running runs(std::uint32_t attempt) {
  return {attempt, "sim", 42, "gen", {}};
}

vm_failed runs_on(const std::string& stage) {
  return {1, stage, "No space left on device", "", 0, true};
}

class sleeper {
 public:
  explicit sleeper(bool stateful = true) {
    now.id = "i";
    give(request{sleepy_request(false, stateful)});
    give(runs(1));
  }

  outcome give(const command& what) {
    auto decided = decide(now, what);
    if (decided) now = tests::after(std::move(now), *decided, 7);
    return decided;
  }

  void until_suspended() {
    give(suspend{});
    give(vm_suspended{1, 64});
  }

  state now;
};

bool refused(const outcome& decided) {
  return !decided && decided.error().what == rejection::kind::wrong_state;
}

}  // namespace

TEST_CASE("a suspended instance keeps its memory, and a start goes on from there") {
  sleeper i;
  i.give(suspend{});
  CHECK(i.now.phase == phase::suspending);
  CHECK(wanted(i.now).vm == vm_goal::asleep);
  CHECK(refused(i.give(start{})));
  i.give(vm_suspended{1, 64});
  CHECK(i.now.phase == phase::suspended);
  CHECK(i.now.suspended_bytes == 64);
  CHECK(wanted(i.now).kept_attempt == 1);
  i.give(start{});
  CHECK(i.now.phase == phase::resuming);
  CHECK(wanted(i.now).vm == vm_goal::resumed);
  CHECK(wanted(i.now).attempt == 2);
  CHECK(wanted(i.now).kept_attempt == 1);
  i.give(runs(2));
  CHECK(i.now.phase == phase::running);
  CHECK(wanted(i.now).kept_attempt == 0);
}

TEST_CASE("what cannot be suspended is refused, and asking twice changes nothing") {
  sleeper i;
  i.give(suspend{});
  CHECK(i.give(suspend{})->empty());
  i.give(vm_suspended{1, 64});
  CHECK(i.give(suspend{})->empty());
  i.give(stop{true, 0});
  CHECK(i.now.phase == phase::stopped);
  CHECK(i.now.suspended_attempt == 0);
  CHECK(refused(i.give(suspend{})));
  i.give(start{});
  CHECK(i.now.phase == phase::booting);
  CHECK(refused(i.give(suspend{})));
}

TEST_CASE("a suspend that fails leaves the instance running and says why") {
  sleeper i;
  i.give(suspend{});
  i.give(runs_on("suspend"));
  CHECK(i.now.phase == phase::running);
  CHECK(i.now.last_setback->reason == "No space left on device");
  i.give(suspend{});
  CHECK_FALSE(i.now.last_setback);
}

TEST_CASE("a resume that fails can be tried again unless the memory is damaged") {
  sleeper i;
  i.until_suspended();
  i.give(start{});
  i.give(vm_failed{2, "resume", "it did not answer", ""});
  CHECK(i.now.phase == phase::failed);
  CHECK(wanted(i.now).kept_attempt == 1);
  i.give(start{});
  CHECK(i.now.phase == phase::resuming);
  CHECK(i.now.attempt == 3);
  CHECK(i.now.resumed_from == 1);
  i.give(vm_failed{3, "verify", "it does not match", ""});
  CHECK(i.now.phase == phase::failed);
  CHECK(wanted(i.now).kept_attempt == 0);
  i.give(start{});
  CHECK(i.now.phase == phase::booting);
}

TEST_CASE("P7: a VM that was to be resumed and is lost is resumed again; one asleep is a loss") {
  sleeper resuming;
  resuming.until_suspended();
  resuming.give(start{});
  resuming.give(vm_lost{2});
  CHECK(resuming.now.phase == phase::resuming);
  CHECK(resuming.now.attempt == 3);
  CHECK(resuming.now.suspended_attempt == 1);

  sleeper asleep;
  asleep.until_suspended();
  asleep.give(vm_lost{1});
  CHECK(asleep.now.phase == phase::failed);
  CHECK(asleep.now.suspended_attempt == 0);

  sleeper dozing;
  dozing.give(suspend{});
  dozing.give(vm_lost{1});
  CHECK(dozing.now.phase == phase::stopped);
}

TEST_CASE("scale to zero suspends what is stateful and stops what is not; both are in standby") {
  sleeper stateful;
  stateful.give(doze{10});
  CHECK(stateful.now.phase == phase::suspending);
  stateful.give(vm_suspended{1, 64});
  CHECK(stateful.now.phase == phase::standby);
  stateful.give(start{});
  CHECK(stateful.now.phase == phase::resuming);

  sleeper forgetful(false);
  forgetful.give(doze{10});
  CHECK(forgetful.now.phase == phase::stopping);
  forgetful.give(vm_exited{1, true, 0, "asked", ""});
  CHECK(forgetful.now.phase == phase::standby);
  CHECK(wanted(forgetful.now).vm == vm_goal::idle);
  forgetful.give(start{});
  CHECK(forgetful.now.phase == phase::booting);
}

TEST_CASE("without autostart an instance that scales to zero waits for a request") {
  auto wish = sleepy_request(true);
  wish.autostart = false;
  state now;
  events::envelope event;
  event.version = 1;
  event.what = wish;
  CHECK(evolve(now, event).phase == phase::standby);
  wish.service_group_id.clear();
  event.what = wish;
  CHECK(evolve(now, event).phase == phase::stopped);
}

TEST_CASE(
    "only scale to zero dozes: a policy that is off, or a VM that is not there, is left alone") {
  sleeper i;
  i.now.spec.scale_to_zero = "off";
  CHECK(i.give(doze{10})->empty());
  i.now.spec.scale_to_zero = "on";
  i.give(stop{false, 10});
  CHECK(i.give(doze{10})->empty());
}

TEST_CASE("a stop takes an instance out of standby, and keeps its memory unless it is forced") {
  sleeper stateful;
  stateful.give(doze{10});
  SECTION("asked while it falls asleep") {
    stateful.give(stop{false, 10});
  }
  SECTION("asked by a suspend while it falls asleep") {
    stateful.give(suspend{});
  }
  stateful.give(vm_suspended{1, 64});
  SECTION("asked when it sleeps") {
    stateful.give(stop{false, 10});
  }
  SECTION("asked by a suspend when it sleeps") {
    stateful.give(suspend{});
  }
  CHECK(stateful.now.phase == phase::suspended);
  CHECK(stateful.now.suspended_attempt == 1);
  CHECK(stateful.give(stop{false, 10})->empty());
  stateful.give(stop{true, 0});
  CHECK(stateful.now.phase == phase::stopped);
  CHECK(stateful.now.suspended_attempt == 0);

  sleeper forgetful(false);
  forgetful.give(doze{10});
  forgetful.give(stop{false, 10});
  forgetful.give(vm_exited{1, true, 0, "asked", ""});
  CHECK(forgetful.now.phase == phase::stopped);
}

TEST_CASE("a running instance converts with a snapshot, a stopped one without") {
  sleeper hot;
  hot.give(convert{500, std::nullopt});
  CHECK(hot.now.phase == phase::converting);
  CHECK(wanted(hot.now).vm == vm_goal::frozen);
  CHECK(wanted(hot.now).keep_snapshot == "i-1");
  CHECK(hot.now.becomes->autokill_ms == 500);
  CHECK(refused(hot.give(instance::remove{})));
  CHECK(refused(hot.give(stop{true, 0})));
  hot.give(template_made{});
  CHECK(hot.now.phase == phase::converted);
  CHECK(wanted(hot.now).keep_snapshot == "i-1");

  sleeper cold;
  cold.give(stop{false, 10});
  CHECK(refused(cold.give(convert{0, std::nullopt})));
  cold.give(vm_exited{1, true, 0, "asked", ""});
  cold.give(convert{0, std::nullopt});
  CHECK(wanted(cold.now).wants_cold_template);
  CHECK(wanted(cold.now).vm == vm_goal::idle);
  cold.give(template_made{});
  CHECK(wanted(cold.now).vm == vm_goal::absent);
}

TEST_CASE("a conversion that fails leaves the instance as it is") {
  sleeper i;
  i.give(convert{0, std::nullopt});
  i.give(runs_on("disk"));
  CHECK(i.now.phase == phase::running);
  CHECK(i.now.last_setback->stage == "disk");
  i.give(convert{0, std::nullopt});
  i.give(vm_exited{1, false, 0, "the guest's kernel panicked", ""});
  CHECK(i.now.phase == phase::stopped);
  CHECK_FALSE(i.now.becomes);
}

TEST_CASE("a guest converts its instance only while that runs, and only in its own life") {
  sleeper i;
  CHECK(refused(i.give(convert{0, 2})));
  i.give(suspend{});
  CHECK(refused(i.give(convert{0, 1})));
  i.give(runs_on("suspend"));
  i.give(convert{0, 1});
  CHECK(i.now.becomes->by_guest);
}

TEST_CASE("an instance that has served what it was to serve is deleted, unless it is locked") {
  sleeper i;
  CHECK(i.give(use_up{1000})->empty());
  i.now.spec.autokill_requests = 3;
  CHECK(i.give(use_up{2})->empty());
  i.now.delete_lock = true;
  CHECK(i.give(use_up{3})->empty());
  i.now.delete_lock = false;
  i.give(use_up{3});
  CHECK(i.now.phase == phase::deleted);
}

TEST_CASE("scale_to_zero can be changed where there is a service group") {
  sleeper i;
  instance::change change;
  change.scale_to_zero = scaling{"idle", false, 500, 0};
  i.give(change);
  CHECK(i.now.spec.scale_to_zero == "idle");
  CHECK_FALSE(i.now.spec.stateful);
  i.now.service_group_id.clear();
  CHECK_FALSE(i.give(change));
  change.scale_to_zero = scaling{"off", false, 0, 0};
  CHECK(i.give(change));
}

TEST_CASE("whatever is commanded in whatever order, a sleeper keeps its promises") {
  for (const bool from_template : {false, true}) {
    std::vector<command> commands{request{sleepy_request(from_template)},
                                  start{},
                                  stop{false, 10},
                                  stop{true, 0},
                                  suspend{},
                                  doze{10},
                                  convert{5, std::nullopt},
                                  template_made{},
                                  vm_suspended{1, 64},
                                  vm_suspended{2, 64},
                                  runs_on("suspend"),
                                  vm_failed{2, "resume", "no answer", ""},
                                  vm_failed{2, "verify", "damaged", ""},
                                  runs(1),
                                  runs(2),
                                  vm_exited{1, true, 0, "exit", ""},
                                  vm_exited{2, true, 0, "exit", ""},
                                  vm_lost{1},
                                  vm_lost{2}};
    if (from_template) commands.emplace_back(clone_granted{2, "t.1"});
    using walker = tests::walk<state, command>;
    std::size_t broken = 0;
    const auto promise = [&](bool kept) { broken += kept ? 0 : 1; };
    walker all(commands, [&](const walker::step& s) {
      state replayed;
      replayed.id = "i";
      for (const auto& event : s.history)
        replayed = evolve(std::move(replayed), event);
      promise(replayed == s.after);
      const auto& now = s.after;
      const auto want = wanted(now);
      promise((want.vm == vm_goal::asleep) <= (want.attempt != 0));
      promise((want.vm == vm_goal::resumed && now.phase == phase::resuming) <=
              (want.kept_attempt != 0 && want.kept_attempt < want.attempt));
      promise((now.phase == phase::running) <= (now.suspended_attempt == 0));
      promise((now.phase == phase::suspended) <= (now.suspended_attempt == now.attempt));
      promise((now.suspended_attempt != 0) <= (now.suspended_attempt <= now.attempt));
      promise(now.becomes.has_value() ==
              (now.phase == phase::converting || now.phase == phase::converted));
      promise(now.standby <= (now.phase == phase::suspending || now.phase == phase::stopping ||
                              now.phase == phase::standby));
      promise((now.phase == phase::standby) == (now.standby && settled(now)));
      promise(forgettable(s.before) <= (!s.decided || s.decided->empty()));
      // What is kept is given up only for a VM that runs, by force, or because it is damaged or
      // gone.
      const bool given_up = s.before.suspended_attempt != 0 && now.suspended_attempt == 0;
      promise(given_up <= (now.phase == phase::running || now.phase == phase::stopped ||
                           now.phase == phase::failed || now.phase == phase::standby ||
                           forgettable(now)));
    });
    state nothing;
    nothing.id = "i";
    all.from(nothing, 7);
    INFO(all.steps() << " steps");
    CHECK(all.steps() > 4'000);
    CHECK(broken == 0);
  }
}
