#include <fcntl.h>
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <set>

#include "driver_world.hpp"
#include "hypervisor/qemu/vm_files.hpp"

using namespace platen::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t plenty = 1ull << 30;

driver_world::adjustment pool_of(std::size_t clones, std::uint64_t bytes = plenty) {
  return [=](qemu_options& options) {
    options.warm_pool_bytes = bytes;
    options.warm_pool_per_snapshot = clones;
    options.warm_pool_reserve_bytes = 0;
  };
}

warm_clones of(const warm_pool_status& pool, const std::string& snapshot) {
  for (const auto& one : pool.snapshots)
    if (one.snapshot_id == snapshot) return one;
  return {};
}

std::vector<std::int64_t> processes_in(const fs::path& pool) {
  std::vector<std::int64_t> pids;
  for (const auto& folder : fs::directory_iterator(pool))
    if (const auto record = qemu::read_record(folder)) pids.push_back(record->pid);
  return pids;
}

rom greeting_of(driver_world& world, const std::string& text) {
  const auto stored = world.roms().put({{"greeting", text + "\n"}});
  REQUIRE(stored);
  return {"greeting-" + text, "/rom", stored->digest};
}

// A program that waits, in a directory of the pool, as a daemon that was killed leaves its clones.
qemu::process leave_behind(const fs::path& pool) {
  qemu::vm_record record;
  record.vm = {"warm-left-behind", 1};
  record.pool_name = qemu::process_name(record.vm);
  const auto folder = pool / qemu::directory_name(record.vm);
  fs::create_directories(folder);
  const auto log = qemu::open_file(folder / "qemu.log", O_WRONLY | O_CREAT);
  auto left = qemu::process::spawn(
      {{"/bin/sh", "-c", "sleep 600 & wait", record.pool_name}, folder, log->get(), {}});
  REQUIRE(left);
  record.pid = left->pid();
  record.start_ticks = left->start_ticks();
  REQUIRE(qemu::write_record(folder, record));
  return std::move(*left);
}

}  // namespace

TEST_CASE("what an earlier daemon kept ready is ended by the next") {
  driver_world world(pool_of(1));
  const auto left = leave_behind(world.pool_folder());
  // Two runs of one process number differ in their start.
  REQUIRE(qemu::process_start_ticks(left.pid()) == left.start_ticks());
  world.replace_driver();
  CHECK_FALSE(qemu::process_start_ticks(left.pid()));
  CHECK(fs::is_empty(world.pool_folder()));
}

TEST_CASE(
    "no clone is kept ready of a snapshot that is not there, and none while memory is short") {
  driver_world world([](qemu_options& options) {
    pool_of(1)(options);
    options.warm_pool_reserve_bytes = 1ull << 60;
  });
  const auto order = world.clone_of("nothing", "one");
  world->clone(order);
  CHECK(world.expect<failed>(order.vm).snapshot_damaged);
  const auto pool = world.pool_with([](const auto& now) { return !now.held_back.empty(); });
  CHECK(pool.limit_bytes == plenty);
  CHECK(of(pool, "nothing").missed == 1);
  CHECK(of(pool, "nothing").ready == 0);
}

TEST_CASE("a clone from the pool is a clone like any other, but was there before", "[vm]") {
  driver_world world(pool_of(1));
  world.make_snapshot("warm");
  std::map<std::string, std::map<std::string, std::string>> states;
  std::map<std::string, cloned> clones;
  const auto take = [&](const std::string& id, const std::vector<rom>& roms) {
    world.await_warm("warm");
    auto order = world.clone_of("warm", id);
    order.roms = roms;
    world->clone(order);
    clones[id] = world.expect<cloned>(order.vm);
    CHECK(clones[id].vm.was_warm);
    CHECK(clones[id].vm.ran_after_us > 0);
    states[id] = state_of(clones[id].vm);
  };
  take("one", {});
  take("two", {greeting_of(world, "first")});
  take("three", {});
  for (const std::string what : {"boot_id", "machine_id", "random", "hostname"}) {
    std::set<std::string> values;
    for (auto& [id, state] : states)
      values.insert(state[what]);
    INFO(what);
    CHECK(values.size() == 3);
    CHECK_FALSE(values.contains(""));
  }
  for (auto& [id, state] : states) {
    CHECK(state["hostname"] == id);
    CHECK(clock_is_right(state));
    CHECK(state["rom"] == (id == "two" ? "first" : ""));
  }

  // It can be put to sleep, with the ROM drive it was given at the last moment.
  world->suspend({"two", 1});
  world.expect<suspended>({"two", 1});
  world->resume({{"two", 2}, 1, {8080}});
  auto woken = state_of(world.expect<resumed>({"two", 2}).vm);
  CHECK(woken["boot_id"] == states["two"]["boot_id"]);
  CHECK(woken["rom"] == "first");
  CHECK(clock_is_right(woken));

  // A template's preparation has memory of its own, which no clone of the pool has.
  auto nested = world.clone_of("warm", "nested");
  nested.why = purpose::template_preparation;
  world->clone(nested);
  CHECK_FALSE(world.expect<cloned>(nested.vm).vm.was_warm);
  world->kill(nested.vm);
  world.expect<exited>(nested.vm);

  // A process that ended meanwhile is nothing to whoever orders a clone.
  world.await_warm("warm");
  const auto waiting = processes_in(world.pool_folder());
  REQUIRE(waiting.size() == 1);
  REQUIRE(::kill(static_cast<pid_t>(waiting[0]), SIGKILL) == 0);
  world->clone(world.clone_of("warm", "four"));
  CHECK(state_of(world.expect<cloned>({"four", 1}).vm)["hostname"] == "four");
  const auto pool = world.pool_with([](const auto& now) { return of(now, "warm").failed == 1; });
  CHECK(of(pool, "warm").taken == 3);
  CHECK(of(pool, "warm").missed == 1);
  CHECK(of(pool, "warm").last_failure != "");

  // The next daemon finds the VMs, and nothing that waits.
  world.await_warm("warm");
  const auto left = processes_in(world.pool_folder());
  world.replace_driver();
  for (const auto pid : left)
    CHECK_FALSE(qemu::process_start_ticks(static_cast<pid_t>(pid)));
  CHECK(fs::is_empty(world.pool_folder()));
  world->adopt({"one", 1});
  CHECK(state_of(world.expect<cloned>({"one", 1}).vm)["boot_id"] == states["one"]["boot_id"]);

  // With the snapshot go those that wait for orders of it, and nobody else.
  world->clone(world.clone_of("warm", "five"));
  CHECK_FALSE(world.expect<cloned>({"five", 1}).vm.was_warm);
  world.await_warm("warm");
  world->remove_snapshot("warm");
  world.pool_with([&](const auto& now) { return now.snapshots.empty(); });
  world->clone(world.clone_of("warm", "six"));
  CHECK(world.expect<failed>({"six", 1}).snapshot_damaged);
  world->adopt({"one", 1});
  CHECK(state_of(world.expect<cloned>({"one", 1}).vm)["hostname"] == "one");
}

TEST_CASE("an order does not wait for a clone of the pool that hangs", "[vm]") {
  driver_world world(pool_of(1));
  world.make_snapshot("warm");
  world.await_warm("warm");
  const auto hung = static_cast<pid_t>(processes_in(world.pool_folder()).at(0));
  REQUIRE(::kill(hung, SIGSTOP) == 0);
  const auto begin = std::chrono::steady_clock::now();
  world->clone(world.clone_of("warm", "one"));
  const auto clone = world.expect<cloned>({"one", 1});
  // A monitor may take a minute when nobody has anything better.
  CHECK(std::chrono::steady_clock::now() - begin < 30s);
  CHECK_FALSE(clone.vm.was_warm);
  CHECK(state_of(clone.vm)["hostname"] == "one");
  CHECK_FALSE(qemu::process_start_ticks(hung));
  const auto pool = world.pool_with([](const auto& now) { return of(now, "warm").failed == 1; });
  CHECK(of(pool, "warm").last_failure.find("did not answer within") != std::string::npos);
  // It has a monitor like any other VM.
  world->suspend({"one", 1});
  world.expect<suspended>({"one", 1});
}

TEST_CASE("a clone that waits is of no use once its snapshot is damaged", "[vm]") {
  driver_world world(pool_of(1));
  world.make_snapshot("warm");
  world.await_warm("warm");
  std::fstream memory(world.snapshot_folder("warm") / "memory");
  memory.seekp(4096);
  memory << "damage";
  memory.close();
  world->clone(world.clone_of("warm", "one"));
  const auto refused = world.expect<failed>({"one", 1});
  CHECK(refused.snapshot_damaged);
  CHECK(refused.where == stage::verify);
  CHECK_FALSE(fs::exists(world.vm_folder({"one", 1})));
}

namespace {

using clock_type = std::chrono::steady_clock;

double milliseconds_since(clock_type::time_point begin) {
  return std::chrono::duration<double, std::milli>(clock_type::now() - begin).count();
}

void print(const std::string& what, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::cout << what << ": fastest " << times.front() << ", median " << times[times.size() / 2]
            << ", slowest " << times.back() << " ms\n";
}

struct times {
  std::vector<double> running, answered;
};

// One clone after the other, ended before the next is ordered.
times clone_times(driver_world& world, const std::string& prefix, int rounds, bool warm) {
  times taken;
  const auto rom = greeting_of(world, prefix);
  for (int i = 0; i < rounds; ++i) {
    if (warm) world.await_warm("warm");
    auto order = world.clone_of("warm", prefix + std::to_string(i));
    if (prefix.ends_with("rom")) order.roms = {rom};
    const auto begin = clock_type::now();
    world->clone(order);
    const auto up = world.expect<cloned>(order.vm);
    taken.answered.push_back(milliseconds_since(begin));
    CHECK(up.vm.was_warm == warm);
    taken.running.push_back(static_cast<double>(up.vm.ran_after_us) / 1000);
    world->kill(order.vm);
    world.expect<exited>(order.vm);
    world->remove(order.vm);
  }
  print(prefix + ", order to running guest", taken.running);
  print(prefix + ", order to agent's answer", taken.answered);
  return taken;
}

}  // namespace

// Not part of the suite: prints how long starts take. qemu_vm_test "[bench-warm]"
TEST_CASE("clones from the pool take milliseconds", "[.][bench-warm]") {
  constexpr int rounds = 24;
  std::vector<double> boots;
  {
    driver_world world;
    for (int i = 0; i < 3; ++i) {
      const auto order = world.instance("boot" + std::to_string(i), world.counting_server());
      const auto begin = clock_type::now();
      world->boot(order);
      world.expect<booted>(order.vm);
      boots.push_back(milliseconds_since(begin));
      world->kill(order.vm);
      world.expect<exited>(order.vm);
    }
    print("cold boot, order to started workload", boots);
    world.make_snapshot("warm");
    clone_times(world, "spawned", rounds, false);
  }
  driver_world world(pool_of(1));
  world.make_snapshot("warm");
  clone_times(world, "pooled", rounds, true);
  clone_times(world, "pooled-rom", rounds, true);
  const auto pool = world.pool_with([](const auto& now) { return now.bytes > 0; });
  std::cout << "memory of one that waits: " << of(pool, "warm").bytes / 1e6 << " MB\n";
}
