#include <signal.h>

#include <catch2/catch.hpp>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a workload that ends is reported with its exit code", "[vm]") {
  driver_world world;
  const auto order = world.instance("short", "echo some last words; exit 3");
  world->boot(order);
  world.expect<booted>(order.vm);
  const auto end = world.expect<exited>(order.vm);
  CHECK(end.exit_known);
  CHECK(end.exit_code == 3);
  CHECK(end.reason == "the workload exited with code 3");
  CHECK(world->read_log(order.vm, driver::log_kind::workload, 0, 4096).bytes ==
        "some last words\n");
  CHECK(world->read_log(order.vm, driver::log_kind::workload, -6, 4096).bytes == "words\n");
}

TEST_CASE("a preparation that ends before it signals says so", "[vm]") {
  driver_world world;
  const auto order = world.preparation("unready", "exit 0");
  world->boot(order);
  world.expect<booted>(order.vm);
  const auto end = world.expect<exited>(order.vm);
  CHECK(has(end.reason, "before it wrote to /uk/libukp/template_instance"));
  world->snapshot({order.vm, "never"});
  CHECK(world.expect<failed>(order.vm).where == stage::snapshot);
}

TEST_CASE("a QEMU that is killed from outside is reported", "[vm]") {
  driver_world world;
  const auto order = world.instance("victim", "while :; do busybox sleep 1000; done");
  world->boot(order);
  const auto up = world.expect<booted>(order.vm);
  ::kill(static_cast<pid_t>(up.vm.pid), SIGKILL);
  const auto end = world.expect<exited>(order.vm);
  CHECK(has(end.reason, "signal 9"));
  CHECK_FALSE(end.exit_known);
}

TEST_CASE("a VM that cannot be made fails with its stage and leaves nothing", "[vm]") {
  driver_world world;
  auto order = world.instance("nowhere", "exit 0");
  order.spec.image = "no/such:image";
  world->boot(order);
  const auto what = world.expect<failed>(order.vm);
  CHECK(what.where == stage::image);
  CHECK(has(what.reason, "no/such:image"));
  CHECK_FALSE(fs::exists(world.vm_folder(order.vm)));
  // The order again is answered the same way; an order to end it, by its end.
  world->boot(order);
  CHECK(world.expect<failed>(order.vm).where == stage::image);
  world->kill(order.vm);
  CHECK(has(world.expect<exited>(order.vm).reason, "gone already"));

  auto tiny = world.instance("tiny", "exit 0");
  tiny.spec.memory_mb = 1;
  world->boot(tiny);
  const auto refused = world.expect<failed>(tiny.vm);
  CHECK(refused.where == stage::boot);
  CHECK_FALSE(fs::exists(world.vm_folder(tiny.vm)));
}

TEST_CASE("orders for VMs that are not there are answered", "[vm]") {
  driver_world world;
  world->stop({"ghost", 1}, 1000);
  CHECK(world.expect<exited>({"ghost", 1}).reason == "there is no such VM");
  world->kill({"ghost", 1});
  world.expect<exited>({"ghost", 1});
  world->adopt({"ghost", 1});
  world.expect<exited>({"ghost", 1});
  world->snapshot({{"ghost", 1}, "ghost"});
  CHECK(world.expect<failed>({"ghost", 1}).where == stage::snapshot);
  world->clone(world.clone_of("ghost", "ghost"));
  CHECK(world.expect<failed>({"ghost", 1}).snapshot_damaged);
  world->remove({"ghost", 1});
  world->remove_snapshot("ghost");
  CHECK(world.silent({"ghost", 1}, std::chrono::milliseconds(300)));
}

TEST_CASE("an order that is cut short is answered, and its VM is gone", "[vm]") {
  driver_world world;
  const auto boot = world.instance("hasty", "exit 0");
  world->boot(boot);
  world->kill(boot.vm);
  CHECK(has(world.expect<exited>(boot.vm).reason, "killed on request"));
  CHECK(world.silent(boot.vm, std::chrono::milliseconds(300)));
  CHECK_FALSE(fs::exists(world.vm_folder(boot.vm)));

  world.make_snapshot("warm");
  const auto clone = world.clone_of("warm", "hasty-clone");
  world->clone(clone);
  world->clone(clone);
  world->kill(clone.vm);
  CHECK(has(world.expect<failed>(clone.vm).reason, "killed on request"));
  world.expect<exited>(clone.vm);
  CHECK(world.silent(clone.vm, std::chrono::milliseconds(300)));
  CHECK_FALSE(fs::exists(world.vm_folder(clone.vm)));
}

TEST_CASE("a guest that prints without end keeps only the newest of it", "[vm]") {
  driver_world world;
  const auto order =
      world.instance("chatty", "busybox yes 0123456789abcde | busybox head -c 2097152; echo end");
  world->boot(order);
  world.expect<booted>(order.vm);
  world.expect<exited>(order.vm);
  const auto log = world->read_log(order.vm, driver::log_kind::workload, 0, 1 << 20);
  CHECK(log.available == 2097152 + 4);
  CHECK(log.begin > 0);
  CHECK(log.bytes.size() >= driver_world::log_bytes / 2);
  CHECK(log.bytes.size() <= driver_world::log_bytes + 65536);
  CHECK(has(log.bytes, "abcde\nend\n"));
}
