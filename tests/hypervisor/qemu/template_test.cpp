#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>
#include <set>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string page_of(const cloned& clone) {
  REQUIRE(clone.vm.ports.size() == 1);
  return http_get(clone.vm.ports[0].host_port, "/cgi-bin/who");
}

}  // namespace

TEST_CASE("a template is prepared once and stamped out with identities of its own", "[vm]") {
  driver_world world;
  const auto snapshot = world.make_snapshot("warm");
  CHECK(snapshot.memory_bytes == 128u << 20);
  CHECK(snapshot.state_bytes > 4096);
  CHECK(snapshot.manifest_sha256.size() == 64);
  CHECK(fs::exists(world.snapshot_folder("warm") / "manifest.json"));
  CHECK_FALSE(fs::exists(world.vm_folder({"prep-warm", 1})));

  // The same order again finds the same snapshot and does nothing else.
  world->snapshot({{"prep-warm", 1}, "warm"});
  CHECK(world.expect<snapshotted>({"prep-warm", 1}).snapshot.manifest_sha256 ==
        snapshot.manifest_sha256);

  // Of the VM itself nothing is left to stop.
  world->stop({"prep-warm", 1}, 1000);
  CHECK(has(world.expect<exited>({"prep-warm", 1}).reason, "has become the snapshot warm"));

  const auto rom = world.roms().put({{"greeting", "hello from a ROM\n"}});
  REQUIRE(rom);
  std::set<std::string> generations;
  for (const std::string id : {"one", "two", "three"}) {
    auto order = world.clone_of("warm", id);
    if (id == "two") order.roms = {{"greeting", "/rom", rom->digest}};
    world->clone(order);
  }
  for (const std::string id : {"one", "two", "three"}) {
    const auto clone = world.expect<cloned>({id, 1});
    const auto page = page_of(clone);
    INFO(page);
    CHECK(page.substr(0, page.find('\n')) == id);
    CHECK(has(page, clone.vm.generation_id));
    CHECK(has(page, "hello from a ROM") == (id == "two"));
    CHECK(clone.vm.accelerator == "tcg");
    generations.insert(clone.vm.generation_id);
  }
  CHECK(generations.size() == 3);

  // A repeated order is answered again and clones nothing.
  world->clone(world.clone_of("warm", "one"));
  world.expect<cloned>({"one", 1});

  world->stop({"one", 1}, 5000);
  const auto stopped = world.expect<exited>({"one", 1});
  CHECK(stopped.exit_known);
  CHECK(stopped.exit_code == 7);
  const auto log = world->read_log({"one", 1}, driver::log_kind::workload, 0, 4096);
  CHECK(log.bytes == "woke up\n");

  world->kill({"two", 1});
  CHECK(has(world.expect<exited>({"two", 1}).reason, "killed on request"));
  world->stop({"two", 1}, 5000);
  world.expect<exited>({"two", 1});

  // A running clone keeps what it uses when its template goes.
  world->remove_snapshot("warm");
  world->remove({"one", 1});
  world->remove({"two", 1});
  world->clone(world.clone_of("warm", "four"));
  const auto refused = world.expect<failed>({"four", 1});
  CHECK(refused.where == stage::verify);
  CHECK(refused.snapshot_damaged);
  CHECK_FALSE(fs::exists(world.vm_folder({"four", 1})));

  world->remove({"three", 1});
  CHECK(world.silent({"three", 1}, std::chrono::milliseconds(500)));
}

// Not part of the suite: prints how long clones take. qemu_vm_test "[bench]"
TEST_CASE("clones take milliseconds", "[.][bench]") {
  using clock = std::chrono::steady_clock;
  driver_world world;
  world.make_snapshot("warm");
  constexpr int rounds = 20;
  std::vector<double> milliseconds;
  for (int i = 0; i < rounds; ++i) {
    const auto order = world.clone_of("warm", "clone-" + std::to_string(i));
    const auto begin = clock::now();
    world->clone(order);
    world.expect<cloned>(order.vm);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(clock::now() - begin).count());
    world->kill(order.vm);
    world.expect<exited>(order.vm);
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  std::cout << "clone, order to report: fastest " << milliseconds.front() << " ms, median "
            << milliseconds[rounds / 2] << " ms, slowest " << milliseconds.back() << " ms\n";
  CHECK(milliseconds.front() > 0);
}
