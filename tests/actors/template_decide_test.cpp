#include <catch2/catch.hpp>

#include "actors/template/decide.hpp"
#include "tests/actors/entity_walk.hpp"

namespace {

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::vm_template;
using phase = vm_template::lifecycle;

events::template_requested request_event(std::uint64_t timeout_ms = 0) {
  events::template_requested event;
  event.name = "web";
  event.spec->image = "demo:v1";
  event.prepare_timeout_ms = timeout_ms;
  return event;
}

// A template driven by commands, one second of virtual time apart.
class template_under_test {
 public:
  template_under_test() { now.id = "t"; }

  outcome give(const command& what) {
    auto decided = decide(now, what);
    if (decided) now = tests::after(std::move(now), *decided, time_us);
    return decided;
  }

  void until_awaiting(std::uint64_t timeout_ms = 0) {
    give(request{request_event(timeout_ms)});
    give(request_clone{"i1", time_us});
    give(vm_booted{now.attempt, "tcg", 42});
  }

  void until_snapshotted() {
    until_awaiting();
    give(vm_signalled{now.attempt});
    events::template_snapshotted taken;
    taken.attempt = now.attempt;
    taken.snapshot_id = snapshot_id("t", now.attempt);
    give(vm_snapshotted{now.attempt, taken});
  }

  state now;
  std::int64_t time_us = 1'000'000;
};

template <class Event>
bool is_one(const outcome& decided) {
  return decided && decided->size() == 1 && std::holds_alternative<Event>(decided->front());
}

}  // namespace

TEST_CASE("the first request for a clone starts a preparation, every further one joins it") {
  template_under_test t;
  t.give(request{request_event()});
  CHECK(is_one<events::preparation_started>(t.give(request_clone{"i1", 1})));
  for (const auto* id : {"i2", "i3", "i1"}) {
    const auto joined = t.give(request_clone{id, 2});
    REQUIRE(joined);
    CHECK(joined->empty());
  }
  CHECK(t.now.attempt == 1);
}

TEST_CASE("a snapshotted template grants each instance once") {
  template_under_test t;
  t.until_snapshotted();
  CHECK(is_one<events::clone_granted>(t.give(request_clone{"i1", 1})));
  CHECK(t.give(request_clone{"i1", 1})->empty());
  CHECK(shown_lifecycle(t.now) == "cloning");
  CHECK(is_one<events::clone_finished>(t.give(clone_done{"i1", true})));
  CHECK(t.give(clone_done{"i1", true})->empty());
  CHECK(shown_lifecycle(t.now) == "snapshotted");
  CHECK(t.now.clones_made == 1);
}

TEST_CASE("a request during the backoff is scheduled, not refused and not started at once") {
  template_under_test t;
  t.until_awaiting();
  t.give(vm_failed{1, "guest_signal", "the guest exited", "panic"});
  REQUIRE(t.now.phase == phase::preparation_failed);
  REQUIRE(settled(t.now));

  const auto failed_at = t.now.last_failure->at_us;
  CHECK(is_one<events::preparation_scheduled>(t.give(request_clone{"i2", failed_at + 10})));
  CHECK_FALSE(settled(t.now));
  CHECK(wanted(t.now).wake_at_us == failed_at + 1'000'000);
  CHECK(t.give(wake{failed_at + 999'999, ""})->empty());
  CHECK(is_one<events::preparation_started>(t.give(wake{failed_at + 1'000'000, ""})));
  CHECK(t.now.attempt == 2);
}

TEST_CASE("a request after the clock was set back waits for the backoff, not for the old time") {
  template_under_test t;
  t.until_awaiting();
  t.give(vm_failed{1, "boot", "no", ""});
  const auto an_hour_earlier = t.now.last_failure->at_us - 3'600'000'000;
  CHECK(is_one<events::preparation_scheduled>(t.give(request_clone{"i2", an_hour_earlier})));
  CHECK(wanted(t.now).wake_at_us == an_hour_earlier + 1'000'000);
}

TEST_CASE("a request after the backoff starts at once") {
  template_under_test t;
  t.until_awaiting();
  t.give(vm_failed{1, "boot", "no", ""});
  CHECK(is_one<events::preparation_started>(
      t.give(request_clone{"i2", t.now.last_failure->at_us + 1'000'000})));
}

TEST_CASE("the backoff doubles with each failure up to five minutes") {
  CHECK(backoff_ms(1) == 1000);
  CHECK(backoff_ms(2) == 2000);
  CHECK(backoff_ms(5) == 16000);
  CHECK(backoff_ms(9) == 256000);
  CHECK(backoff_ms(10) == 300000);
  CHECK(backoff_ms(4000) == 300000);
}

TEST_CASE("without a timeout a silent guest is awaited for ever") {
  template_under_test t;
  t.until_awaiting();
  CHECK_FALSE(wanted(t.now).wake_at_us);
  CHECK(t.give(wake{1'000'000'000'000'000, ""})->empty());
  CHECK(t.now.phase == phase::awaiting_guest_signal);
}

TEST_CASE("with a timeout the failure names the missing signal and keeps the console's end") {
  template_under_test t;
  t.until_awaiting(5000);
  REQUIRE(wanted(t.now).wake_at_us == 6'000'000);
  CHECK(t.give(wake{5'999'999, "early"})->empty());
  REQUIRE(is_one<events::preparation_failed>(t.give(wake{6'000'000, "last words"})));
  CHECK(t.now.last_failure->stage == "guest_signal");
  CHECK(t.now.last_failure->console_tail == "last words");
}

TEST_CASE("a timer that has run counts, although the wall clock was set back meanwhile") {
  template_under_test t;
  t.until_awaiting(5000);
  REQUIRE(wanted(t.now).wake_at_us == 6'000'000);
  CHECK(t.give(wake{2'000'000, "", 5'999'999})->empty());
  CHECK(is_one<events::preparation_failed>(t.give(wake{2'000'000, "", 6'000'000})));
}

TEST_CASE("a console tail is cut to its newest 16 KiB") {
  template_under_test t;
  t.until_awaiting();
  t.give(vm_failed{1, "boot", "no", std::string(20000, 'a') + "end"});
  CHECK(t.now.last_failure->console_tail.size() == events::console_tail_limit);
  CHECK(t.now.last_failure->console_tail.ends_with("end"));
}

TEST_CASE("P7: a preparation whose VM was lost with the daemon starts again") {
  for (const auto reached : {phase::preparing, phase::awaiting_guest_signal, phase::snapshotting}) {
    template_under_test t;
    t.give(request{request_event()});
    t.give(request_clone{"i1", 1});
    if (reached != phase::preparing) t.give(vm_booted{1, "tcg", 1});
    if (reached == phase::snapshotting) t.give(vm_signalled{1});
    REQUIRE(t.now.phase == reached);
    CHECK(is_one<events::preparation_started>(t.give(vm_lost{1, 5})));
    CHECK(t.now.attempt == 2);
    CHECK(t.now.phase == phase::preparing);
  }
}

TEST_CASE("a damaged snapshot is rejected once and the next request prepares anew") {
  template_under_test t;
  t.until_snapshotted();
  CHECK(t.give(snapshot_damaged{"other", "?"})->empty());
  CHECK(is_one<events::snapshot_rejected>(t.give(snapshot_damaged{"t-1", "memory differs"})));
  CHECK(t.give(snapshot_damaged{"t-1", "memory differs"})->empty());
  CHECK_FALSE(wanted(t.now).keep_snapshot);
  CHECK(is_one<events::preparation_started>(t.give(request_clone{"i9", 1'000'000'000})));
}

TEST_CASE("a stale snapshot makes its template stale, with the reason, until the next request") {
  template_under_test t;
  t.until_snapshotted();
  const std::string reason = "stale: made with QEMU 7.2, this host has 8.0";
  CHECK(is_one<events::snapshot_rejected>(t.give(snapshot_damaged{"t-1", reason})));
  CHECK(stale(t.now));
  CHECK(shown_lifecycle(t.now) == "stale");
  CHECK(t.now.last_failure->reason == reason);
  CHECK_FALSE(wanted(t.now).keep_snapshot);
  // At once: what has become stale is no failure to be waited for.
  CHECK(is_one<events::preparation_started>(t.give(request_clone{"i9", t.time_us})));
  CHECK_FALSE(stale(t.now));
  CHECK(shown_lifecycle(t.now) == "preparing");
}

TEST_CASE("what is damaged is not stale") {
  template_under_test t;
  t.until_snapshotted();
  t.give(snapshot_damaged{"t-1", "the snapshot's file memory is damaged"});
  CHECK_FALSE(stale(t.now));
  CHECK(shown_lifecycle(t.now) == "preparation_failed");
}

TEST_CASE("a stale snapshot that cannot be made again is kept, a damaged one is not") {
  const std::string reason = "stale: made with QEMU 7.2, this host has 8.0";
  SECTION("of an instance's memory") {
    template_under_test t;
    take_over order{request_event(), events::template_snapshotted{}, false};
    order.what.converted_from = "i1";
    order.snapshot->attempt = 1;
    order.snapshot->snapshot_id = "t-1";
    t.give(order);
    REQUIRE(t.now.phase == phase::snapshotted);
    CHECK(t.give(snapshot_damaged{"t-1", reason})->empty());
    CHECK(wanted(t.now).keep_snapshot == "t-1");
    CHECK(is_one<events::snapshot_rejected>(t.give(snapshot_damaged{"t-1", "cut"})));
  }
  SECTION("of a deleted template whose instances can be started yet") {
    template_under_test t;
    t.until_snapshotted();
    t.give(hold{"i1", false, 1});
    t.give(vm_template::remove{});
    CHECK(t.give(snapshot_damaged{"t-1", reason})->empty());
    CHECK(wanted(t.now).keep_snapshot == "t-1");
  }
}

TEST_CASE("a deleted template keeps its snapshot for those who hold it, and clones it for them") {
  template_under_test t;
  t.until_snapshotted();
  t.give(request_clone{"i1", 1});
  t.give(vm_template::remove{});
  CHECK(wanted(t.now).keep_snapshot == "t-1");
  t.give(clone_done{"i1", true});
  CHECK(wanted(t.now).keep_snapshot == "t-1");
  CHECK(is_one<events::clone_granted>(t.give(request_clone{"i1", 2})));
  CHECK_FALSE(t.give(request_clone{"i2", 2}));
  t.give(clone_done{"i1", true});
  CHECK(is_one<events::template_released>(t.give(release{"i1"})));
  CHECK_FALSE(wanted(t.now).keep_snapshot);
  CHECK(forgettable(t.now));
}

TEST_CASE("who holds a template does so once, and releases it once") {
  template_under_test t;
  t.give(request{request_event()});
  CHECK(is_one<events::template_held>(t.give(hold{"i1", false, 1})));
  CHECK(t.give(hold{"i1", false, 1})->empty());
  CHECK(is_one<events::preparation_started>(t.give(hold{"i1", true, 1})));
  CHECK(is_one<events::template_released>(t.give(release{"i1"})));
  CHECK(t.give(release{"i1"})->empty());
}

TEST_CASE("a locked template is not deleted until the lock is taken away") {
  template_under_test t;
  t.until_snapshotted();
  change locked;
  locked.delete_lock = true;
  CHECK(is_one<events::template_changed>(t.give(locked)));
  CHECK(t.give(locked)->empty());
  CHECK(t.give(vm_template::remove{}).error().what == rejection::kind::locked);
  change unlocked;
  unlocked.delete_lock = false;
  t.give(unlocked);
  CHECK(is_one<events::template_deleted>(t.give(vm_template::remove{})));
}

TEST_CASE("a template is autokilled when nobody has cloned it for as long as it is kept") {
  template_under_test t;
  t.until_snapshotted();
  change kept;
  kept.autokill_ms = 60'000;
  t.give(kept);
  t.time_us = 11'000'000;
  t.give(request_clone{"i1", t.time_us});
  CHECK_FALSE(wanted(t.now).wake_at_us);  // a clone is in flight
  t.give(clone_done{"i1", true});
  CHECK(wanted(t.now).wake_at_us == 71'000'000);
  CHECK(t.give(wake{70'999'999, ""})->empty());
  change locked;
  locked.delete_lock = true;
  t.give(locked);
  CHECK_FALSE(wanted(t.now).wake_at_us);
  locked.delete_lock = false;
  t.time_us = 80'000'000;
  t.give(locked);
  CHECK(wanted(t.now).wake_at_us == 140'000'000);
  // A clock that was set back does not keep it for longer than its timer.
  CHECK(is_one<events::template_autokilled>(t.give(wake{5, "", 140'000'000})));
  CHECK(gone(t.now));
  CHECK(wanted(t.now).keep_snapshot == "t-1");  // i1 may be started again
}

TEST_CASE("an anonymous template is gone once its clone was made") {
  template_under_test t;
  auto anonymous = request_event();
  anonymous.name.clear();
  t.give(request{anonymous});
  t.give(hold{"i1", true, 1});
  t.give(vm_booted{1, "tcg", 42});
  t.give(vm_signalled{1});
  events::template_snapshotted taken;
  taken.attempt = 1;
  taken.snapshot_id = "t-1";
  t.give(vm_snapshotted{1, taken});
  t.give(request_clone{"i1", 1});
  CHECK(t.give(clone_done{"i1", true})->size() == 2);
  CHECK(gone(t.now));
  CHECK(wanted(t.now).keep_snapshot == "t-1");
}

TEST_CASE("a cold template is granted without a snapshot, until it is prepared") {
  template_under_test t;
  auto cold = request_event();
  cold.cold = true;
  t.give(request{cold});
  CHECK(settled(t.now));
  CHECK(is_one<events::clone_granted>(t.give(request_clone{"i1", 1})));
  CHECK(is_one<events::preparation_started>(t.give(request_preparation{1})));
  CHECK_FALSE(cloneable(t.now));
}

TEST_CASE("a nested template asks its parent, and prepares a clone of what it is granted") {
  template_under_test t;
  auto nested = request_event(5000);
  nested.parent_id = "p";
  nested.parent_name = "worker";
  t.give(request{nested});
  CHECK(is_one<events::parent_requested>(t.give(request_clone{"i1", t.time_us})));
  CHECK(wanted(t.now).wants_parent);
  CHECK(wanted(t.now).wake_at_us == 6'000'000);  // its time runs while it waits
  CHECK(t.give(parent_granted{7, "p", "p-1"})->empty());
  SECTION("granted") {
    CHECK(is_one<events::preparation_started>(t.give(parent_granted{1, "p", "p-1"})));
    CHECK(t.now.parent_snapshot_id == "p-1");
    CHECK(t.now.attempt == 1);
    CHECK(is_one<events::parent_requested>(t.give(vm_lost{1, 2})));
    CHECK(t.now.attempt == 2);
  }
  SECTION("refused") {
    CHECK(is_one<events::preparation_failed>(
        t.give(parent_refused{1, "guest_signal", "the guest's kernel panicked", "oops"})));
    CHECK(t.now.last_failure->stage == "guest_signal");
    CHECK(t.now.last_failure->reason == "template 'worker': the guest's kernel panicked");
    CHECK(t.now.last_failure->console_tail == "oops");
  }
  SECTION("not in time") {
    CHECK(is_one<events::preparation_failed>(t.give(wake{6'000'000, ""})));
    CHECK(t.now.last_failure->reason == "template 'worker' was not ready within 5 s");
  }
}

TEST_CASE("whatever is commanded in whatever order, a template keeps its promises") {
  std::vector<command> commands{
      request{request_event(5000)},
      request_clone{"i1", 3'000'000},
      request_clone{"i2", 900'000'000'000},
      request_preparation{900'000'000'000},
      wake{900'000'000'000, "tail"},
      clone_done{"i1", true},
      vm_template::remove{},
      hold{"i1", true, 3'000'000},
      release{"i1"},
      snapshot_damaged{"t-1", "bad"},
  };
  for (std::uint32_t attempt = 1; attempt <= 2; ++attempt) {
    events::template_snapshotted taken;
    taken.attempt = attempt;
    taken.snapshot_id = snapshot_id("t", attempt);
    commands.push_back(vm_booted{attempt, "tcg", 1});
    commands.push_back(vm_signalled{attempt});
    commands.push_back(vm_snapshotted{attempt, taken});
    commands.push_back(vm_failed{attempt, "boot", "no", ""});
    commands.push_back(vm_lost{attempt, 1});
  }
  using walker = tests::walk<state, command>;
  std::size_t broken = 0;
  const auto promise = [&](bool kept) { broken += kept ? 0 : 1; };
  walker all(commands, [&](const walker::step& s) {
    state replayed;
    replayed.id = "t";
    std::set<std::uint32_t> attempts;
    for (const auto& event : s.history) {
      replayed = evolve(std::move(replayed), event);
      if (const auto* started = std::get_if<events::preparation_started>(&event.what)) {
        promise(attempts.insert(started->attempt).second);
      }
    }
    promise(replayed == s.after);
    promise(s.after.attempt == attempts.size());
    promise((s.after.phase == phase::snapshotted) <= s.after.ready.has_value());
    promise(!(s.before.phase == phase::deleted && s.decided && !s.decided->empty()) ||
            std::holds_alternative<clone_done>(s.command) ||
            std::holds_alternative<release>(s.command) ||
            std::holds_alternative<snapshot_damaged>(s.command) ||
            (std::holds_alternative<request_clone>(s.command) && s.before.ready));
    const auto want = wanted(s.after);
    promise((want.vm == vm_goal::booted || want.vm == vm_goal::frozen) <= (want.attempt != 0));
    promise((s.after.phase == phase::deleted) <= (want.vm == vm_goal::absent));
    // Repeating what was just commanded never fails where it succeeded without events.
    if (s.decided && s.decided->empty()) promise(decide(s.after, s.command).has_value());
  });
  state nothing;
  nothing.id = "t";
  all.from(nothing, 9);
  INFO(all.steps() << " steps");
  CHECK(all.steps() > 30'000);
  CHECK(broken == 0);
}
