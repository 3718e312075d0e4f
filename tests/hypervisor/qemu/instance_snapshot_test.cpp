// Instances that become templates, with and without the guest's own write, and writes that are
// refused.
#include <catch2/catch.hpp>
#include <set>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

cloned clone_as(driver_world& world, const std::string& snapshot, const std::string& id) {
  world->clone(world.clone_of(snapshot, id));
  return world.expect<cloned>({id, 1});
}

void ask_to_signal(driver_world& world, const vm_ref& vm, const running_vm& up) {
  CHECK(http_get(up.ports[0].host_port, "/cgi-bin/signal") == "ok\n");
  world.expect<signalled>(vm);
}

}  // namespace

TEST_CASE("an instance becomes a template, and so does a clone of it", "[vm]") {
  driver_world world;
  const auto order = world.instance("origin", driver_world::counting_server());
  world->boot(order);
  const auto origin = world.expect<booted>(order.vm);
  world.output_with(order.vm, "serving");

  // Its guest's write is told and can be refused, more than once.
  for (int times = 1; times <= 2; ++times) {
    ask_to_signal(world, order.vm, origin.vm);
    world->refuse_signal(order.vm);
    world->refuse_signal(order.vm);
    const auto output = world.output_with(order.vm, "was refused\n");
    CHECK_FALSE(has(output, "woke up"));
  }
  const auto before = state_of(origin.vm);

  // Taken from outside, in the middle of its work.
  world->snapshot({order.vm, "first"});
  const auto first = world.expect<snapshotted>(order.vm).snapshot;
  CHECK(first.memory_bytes == 128u << 20);
  CHECK(first.state_bytes < (1 << 20));
  CHECK_FALSE(fs::exists(world.vm_folder(order.vm)));
  CHECK(has(world->read_log(order.vm, driver::log_kind::workload, 0, 4096).bytes, "serving"));

  std::set<std::string> randoms{before.at("random")};
  std::set<std::string> boots{before.at("boot_id")};
  std::set<std::string> machines{before.at("machine_id")};
  std::set<std::string> generations;
  running_vm one;
  for (const std::string id : {"one", "two"}) {
    const auto clone = clone_as(world, "first", id);
    const auto state = state_of(clone.vm);
    CHECK(state.at("hostname") == id);
    CHECK(clock_is_right(state));
    CHECK(std::stoll(state.at("count")) >= std::stoll(before.at("count")));
    randoms.insert(state.at("random"));
    boots.insert(state.at("boot_id"));
    machines.insert(state.at("machine_id"));
    generations.insert(clone.vm.generation_id);
    if (id == "one") one = clone.vm;
  }
  CHECK(randoms.size() == 3);
  CHECK(boots.size() == 3);
  CHECK(machines.size() == 3);
  CHECK(generations.size() == 2);
  world->remove({"two", 1});
  world->remove_snapshot("first");

  // A clone's own write: it holds until the snapshot, and returns in the clones of that.
  ask_to_signal(world, {"one", 1}, one);
  world->snapshot({{"one", 1}, "second"});
  world.expect<snapshotted>({"one", 1});
  const auto three = clone_as(world, "second", "three");
  CHECK(has(world.output_with({"three", 1}, "woke up"), "woke up"));
  CHECK(state_of(three.vm).at("hostname") == "three");

  // And it can sleep while its write is held; who wakes it hears of the write again.
  ask_to_signal(world, {"three", 1}, three.vm);
  world->suspend({"three", 1});
  world.expect<suspended>({"three", 1});
  world->remove_snapshot("second");
  world->resume({{"three", 2}, 1, {8080}});
  const auto awake = world.expect<resumed>({"three", 2});
  CHECK(awake.vm.generation_id == three.vm.generation_id);
  world.expect<signalled>({"three", 2});
  world->refuse_signal({"three", 2});
  world.output_with({"three", 2}, "was refused");
  CHECK(state_of(awake.vm).at("hostname") == "three");
}
