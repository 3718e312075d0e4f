#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const found_vm* find(const inventory& found, const std::string& id) {
  const auto at = std::find_if(found.vms.begin(), found.vms.end(),
                               [&](const auto& vm) { return vm.vm.id == id; });
  return at == found.vms.end() ? nullptr : &*at;
}

}  // namespace

TEST_CASE("VMs outlive their daemon and are taken over by the next", "[vm]") {
  driver_world world;
  const auto preparation = world.preparation("prep", driver_world::web_server());
  world->boot(preparation);
  world.expect<booted>(preparation.vm);
  world.expect<signalled>(preparation.vm);

  // The preparation goes on under the second daemon as if nothing had happened.
  auto found = world.replace_driver();
  REQUIRE(find(found, "prep") != nullptr);
  CHECK(find(found, "prep")->alive);
  CHECK(find(found, "prep")->why == purpose::template_preparation);
  world->adopt(preparation.vm);
  world.expect<booted>(preparation.vm);
  // Whoever heard the signal from the first driver need not wait to hear it again.
  world->snapshot({preparation.vm, "kept"});
  world.expect<signalled>(preparation.vm);
  world.expect<snapshotted>(preparation.vm);

  for (const std::string id : {"alive", "dead"})
    world->clone(world.clone_of("kept", id));
  const auto alive = world.expect<cloned>({"alive", 1});
  const auto dead = world.expect<cloned>({"dead", 1});
  fs::create_directories(world.snapshot_folder("half.tmp"));
  fs::create_directories(world.vm_folder({"half", 1}));
  ::kill(static_cast<pid_t>(dead.vm.pid), SIGKILL);

  found = world.replace_driver();
  CHECK(found.snapshots == std::vector<std::string>{"kept"});
  CHECK_FALSE(fs::exists(world.snapshot_folder("half.tmp")));
  CHECK(find(found, "half") == nullptr);
  CHECK_FALSE(fs::exists(world.vm_folder({"half", 1})));

  world->adopt({"alive", 1});
  const auto adopted = world.expect<cloned>({"alive", 1});
  CHECK(adopted.vm.pid == alive.vm.pid);
  CHECK(adopted.vm.generation_id == alive.vm.generation_id);
  REQUIRE(adopted.vm.ports.size() == 1);
  CHECK(adopted.vm.ports[0].host_port == alive.vm.ports[0].host_port);
  CHECK(has(http_get(adopted.vm.ports[0].host_port, "/cgi-bin/who"), "alive"));

  REQUIRE(find(found, "dead") != nullptr);
  CHECK_FALSE(find(found, "dead")->alive);
  world->adopt({"dead", 1});
  world.expect<exited>({"dead", 1});

  world->stop({"alive", 1}, 5000);
  CHECK(world.expect<exited>({"alive", 1}).exit_code == 7);
}

TEST_CASE("a clone that was never resumed is not taken over", "[vm]") {
  driver_world world;
  world.make_snapshot("warm");
  world->clone(world.clone_of("warm", "half"));
  world.expect<cloned>({"half", 1});
  // As if the daemon had died between `cont` and Resume: the guest has another generation.
  const auto record = world.vm_folder({"half", 1}) / "vm.json";
  std::string text;
  {
    std::ifstream in(record);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  const auto key = text.find("\"generation_id\": \"");
  REQUIRE(key != std::string::npos);
  const auto first_digit = key + std::string("\"generation_id\": \"").size();
  text[first_digit] = text[first_digit] == '0' ? '1' : '0';
  std::ofstream(record) << text;

  world.replace_driver();
  world->adopt({"half", 1});
  CHECK(has(world.expect<exited>({"half", 1}).reason, "before the clone was resumed"));
  CHECK_FALSE(find(world.replace_driver(), "half")->alive);
}

TEST_CASE("removing deletes also what an earlier daemon left running", "[vm]") {
  driver_world world;
  const auto order = world.instance("old", "while :; do busybox sleep 1000; done");
  world->boot(order);
  const auto up = world.expect<booted>(order.vm);
  world.replace_driver();
  world->remove(order.vm);
  world->stop(order.vm, 0);
  world.expect<exited>(order.vm);
  const auto found = world.replace_driver();
  CHECK(find(found, "old") == nullptr);
  CHECK(::kill(static_cast<pid_t>(up.vm.pid), 0) != 0);
}
