// Draining before a stop or a suspend, and the count of requests, as decided by the instance alone.
#include <catch2/catch.hpp>

#include "actors/instance/decide.hpp"
#include "tests/actors/entity_walk.hpp"

namespace {

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::instance;
using phase = instance::lifecycle;

constexpr std::int64_t second = 1'000'000;

// Runs, in a service group unless it is told otherwise.
class server {
 public:
  explicit server(const std::string& group = "g") {
    now.id = "i";
    events::instance_requested wish;
    wish.name = "web-1";
    wish.autostart = true;
    wish.service_group_id = group;
    wish.spec->restart_policy = "always";
    wish.spec->autokill_requests = 10;
    give(request{wish});
    give(vm_running{1, "sim", 42, "gen", {}});
  }

  outcome give(const command& what) {
    auto decided = decide(now, what);
    if (decided) now = tests::after(std::move(now), *decided, 7);
    return decided;
  }

  // For 10 s, from the first second on.
  outcome drain_and_stop() { return give(stop{false, 50, 10'000, second}); }
  outcome drain_and_suspend() { return give(suspend{10'000, second}); }

  state now;
};

bool refused(const outcome& decided) {
  return !decided && decided.error().what == rejection::kind::wrong_state;
}

}  // namespace

TEST_CASE("a stop with time to drain leaves the VM running until nothing is in flight") {
  server s;
  s.drain_and_stop();
  CHECK(s.now.phase == phase::draining);
  CHECK_FALSE(settled(s.now));
  CHECK(wanted(s.now).vm == vm_goal::booted);
  CHECK(wanted(s.now).wake_at_us == 11 * second);
  s.give(drained{});
  CHECK(s.now.phase == phase::stopping);
  CHECK(s.now.stop_grace_ms == 50);
  CHECK_FALSE(s.now.force_stop);
  CHECK_FALSE(s.now.drain);
  s.give(vm_exited{1, true, 0, "done", "", 2 * second});
  CHECK(s.now.phase == phase::stopped);
  CHECK(s.now.last_stop->by_user);
}

TEST_CASE("a drain is over when its time is, whatever is in flight") {
  server s;
  s.drain_and_stop();
  CHECK(s.give(wake{11 * second - 1, 0})->empty());
  s.give(wake{11 * second, 0});
  CHECK(s.now.phase == phase::stopping);
  server other;
  other.drain_and_suspend();
  other.give(wake{0, 11 * second});
  CHECK(other.now.phase == phase::suspending);
  CHECK_FALSE(other.now.standby);
}

TEST_CASE("an instance without a service group has nothing to drain") {
  server s("");
  s.drain_and_stop();
  CHECK(s.now.phase == phase::stopping);
  server other("");
  other.drain_and_suspend();
  CHECK(other.now.phase == phase::suspending);
}

TEST_CASE("one that drains is stopped at once by a stop that does not wait") {
  server s;
  s.drain_and_stop();
  CHECK(s.drain_and_stop()->empty());
  CHECK(s.give(stop{false, 50, 99'000, 2 * second})->empty());
  CHECK(wanted(s.now).wake_at_us == 11 * second);
  s.give(stop{false, 70, 0, 2 * second});
  CHECK(s.now.phase == phase::stopping);
  CHECK(s.now.stop_grace_ms == 70);
  server killed;
  killed.drain_and_stop();
  killed.give(stop{true, 0});
  CHECK(killed.now.force_stop);
}

TEST_CASE("one that drains to be suspended can be stopped instead, and no later") {
  server s;
  s.drain_and_suspend();
  s.give(stop{false, 50, 99'000, 2 * second});
  CHECK(s.now.phase == phase::draining);
  CHECK_FALSE(s.now.drain->suspend);
  CHECK(wanted(s.now).wake_at_us == 11 * second);
  // Not the other way round.
  CHECK(refused(s.give(suspend{})));
  server other;
  other.drain_and_suspend();
  CHECK(other.drain_and_suspend()->empty());
  other.give(suspend{});
  CHECK(other.now.phase == phase::suspending);
}

TEST_CASE("one that drains is neither started, put to sleep nor converted, but can be deleted") {
  server s;
  s.drain_and_stop();
  CHECK(refused(s.give(start{})));
  CHECK(refused(s.give(convert{})));
  CHECK(s.give(doze{})->empty());
  s.give(instance::remove{});
  CHECK(s.now.phase == phase::deleted);
  CHECK(s.give(drained{})->empty());
}

TEST_CASE("a guest that ends while it drains has ended as it was asked to") {
  server s;
  s.drain_and_stop();
  s.give(vm_exited{1, true, 0, "done", "", 2 * second});
  CHECK(s.now.phase == phase::stopped);
  CHECK(s.now.last_stop->by_user);
  CHECK(s.now.restart_at_us == 0);
  // One that was to be suspended was not to end.
  server other;
  other.drain_and_suspend();
  other.give(vm_exited{1, true, 3, "crashed", "", 2 * second});
  CHECK(other.now.phase == phase::stopped);
  CHECK(other.now.restart_at_us != 0);
}

TEST_CASE("a VM that is lost while it drains to be stopped is stopped") {
  server s;
  s.drain_and_stop();
  s.give(vm_lost{1, 2 * second});
  CHECK(s.now.phase == phase::stopped);
  CHECK(s.now.restart_at_us == 0);
}

TEST_CASE("requests are counted upwards, of those who are to serve a number of them") {
  server s;
  s.give(count_requests{4});
  CHECK(s.now.requests_served == 4);
  CHECK(s.give(count_requests{4})->empty());
  CHECK(s.give(count_requests{3})->empty());
  s.now.spec.autokill_requests = 0;
  CHECK(s.give(count_requests{9})->empty());
}
