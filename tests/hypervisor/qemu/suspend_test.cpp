// Sleep and waking: what a guest keeps, what is refused, and what a new daemon finds.
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <iostream>

#include "driver_world.hpp"
#include "hypervisor/qemu/qmp.hpp"

using namespace platen::test;
namespace qemu = platen::hypervisor::qemu;

namespace {

using clock_type = std::chrono::steady_clock;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

const found_vm* find(const inventory& found, const vm_ref& vm) {
  for (const auto& each : found.vms)
    if (each.vm == vm) return &each;
  return nullptr;
}

resume_order resume_of(const std::string& id, std::uint32_t suspended) {
  return {{id, suspended + 1}, suspended, {8080}};
}

booted boot_sleeper(driver_world& world, const std::string& id) {
  auto order = world.instance(id, driver_world::counting_server());
  order.spec.roms = {
      {"greeting", "/rom", world.roms().put({{"greeting", "hello\n"}}).value().digest}};
  world->boot(order);
  auto up = world.expect<booted>(order.vm);
  world.output_with(order.vm, "serving");
  return up;
}

void flip_last_byte(const fs::path& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(-1, std::ios::end);
  const char byte = static_cast<char>(stream.get() ^ 1);
  stream.seekp(-1, std::ios::end);
  stream.put(byte);
}

// What a daemon does that dies in the middle of saving a VM.
void stop_as_if_saving(const fs::path& folder) {
  std::ofstream(folder / "saving");
  qemu::asio::io_context io;
  qemu::qmp_client monitor(io, std::chrono::seconds(10));
  std::optional<bool> stopped;
  auto stop = [&]() -> qemu::task<void> {
    const auto directory = qemu::open_file(folder, O_RDONLY | O_DIRECTORY).value();
    const auto connected = co_await monitor.connect(directory.get(), "qmp.sock");
    const auto done = co_await monitor.execute("stop");
    stopped = connected && done;
  };
  qemu::asio::co_spawn(io, stop(), [](std::exception_ptr) {});
  io.run();
  REQUIRE(stopped == true);
}

}  // namespace

TEST_CASE("an instance sleeps and wakes with all it had, as often as it is asked to", "[vm]") {
  driver_world world;
  const auto up = boot_sleeper(world, "one");
  const auto before = state_of(up.vm);
  REQUIRE(before.at("rom") == "hello");

  world->suspend({"one", 1});
  const auto asleep = world.expect<suspended>({"one", 1});
  CHECK(asleep.state_bytes > (8 << 20));
  CHECK(asleep.state_bytes < (128 << 20));
  CHECK_FALSE(fs::exists("/proc/" + std::to_string(up.vm.pid) + "/cmdline"));
  // The order again is answered again.
  world->suspend({"one", 1});
  CHECK(world.expect<suspended>({"one", 1}).state_bytes == asleep.state_bytes);
  // Long enough for a clock that was not set to show.
  CHECK(world.silent({"one", 1}, std::chrono::milliseconds(3500)));

  world->resume(resume_of("one", 1));
  const auto awake = world.expect<resumed>({"one", 2});
  CHECK(awake.vm.generation_id.empty());
  const auto after = state_of(awake.vm);
  for (const auto* same : {"boot_id", "machine_id", "hostname", "rom"})
    CHECK(after.at(same) == before.at(same));
  CHECK(std::stoll(after.at("count")) >= std::stoll(before.at("count")));
  CHECK(std::stoll(after.at("count")) < std::stoll(before.at("count")) + 100);
  CHECK(clock_is_right(after));
  CHECK(has(world.output_with({"one", 2}, "serving"), "serving"));
  world->remove({"one", 1});

  // A daemon that dies while the VM is being saved leaves a guest that stands still.
  stop_as_if_saving(world.vm_folder({"one", 2}));
  auto found = world.replace_driver();
  REQUIRE(find(found, {"one", 2}) != nullptr);
  CHECK(find(found, {"one", 2})->alive);
  CHECK_FALSE(find(found, {"one", 2})->suspended);
  CHECK(find(found, {"one", 1}) == nullptr);
  world->adopt({"one", 2});
  const auto adopted = world.expect<resumed>({"one", 2});
  CHECK(state_of(adopted.vm).at("boot_id") == before.at("boot_id"));

  world->suspend({"one", 2});
  world.expect<suspended>({"one", 2});
  found = world.replace_driver();
  REQUIRE(find(found, {"one", 2}) != nullptr);
  CHECK(find(found, {"one", 2})->suspended);
  CHECK_FALSE(find(found, {"one", 2})->alive);
  world->suspend({"one", 2});
  world.expect<suspended>({"one", 2});

  SECTION("a second time, under another daemon") {
    world->resume(resume_of("one", 2));
    const auto again = world.expect<resumed>({"one", 3});
    CHECK(state_of(again.vm).at("boot_id") == before.at("boot_id"));
    CHECK(state_of(again.vm).at("rom") == "hello");
    // The older life's files are not needed, and not those of an order that fails.
    world->remove({"one", 2});
    world.await_removed({"one", 2});
    world->resume({{"one", 4}, 2, {}});
    const auto refused = world.expect<failed>({"one", 4});
    CHECK(refused.where == stage::verify);
    CHECK_FALSE(fs::exists(world.vm_folder({"one", 4})));
    CHECK(state_of(again.vm).at("hostname") == "one");
  }
  SECTION("not if what was saved has changed") {
    auto order = resume_of("one", 2);
    for (const std::string file : {"memory", "state", "disk.qcow2"}) {
      flip_last_byte(world.vm_folder({"one", 2}) / file);
      world->resume(order);
      const auto refused = world.expect<failed>(order.vm);
      CHECK(refused.where == stage::verify);
      CHECK(refused.snapshot_damaged);
      INFO(refused.reason);
      CHECK(has(refused.reason, file + " is damaged"));
      CHECK_FALSE(fs::exists(world.vm_folder(order.vm)));
      world->remove(order.vm);
      flip_last_byte(world.vm_folder({"one", 2}) / file);
      ++order.vm.attempt;
    }
    // All is as it was, and what was refused can be carried out by another life.
    world->resume(order);
    CHECK(state_of(world.expect<resumed>(order.vm).vm).at("boot_id") == before.at("boot_id"));
  }
  SECTION("not after it was stopped in its sleep") {
    world->stop({"one", 2}, 1000);
    world.expect<exited>({"one", 2});
    world->resume(resume_of("one", 2));
    CHECK(world.expect<failed>({"one", 3}).where == stage::verify);
  }
}

TEST_CASE("an instance that cannot be saved runs on", "[vm]") {
  driver_world world;
  const auto up = boot_sleeper(world, "one");
  const auto before = state_of(up.vm);
  // Where the memory is to go, or at the very end the manifest, there is something else.
  for (const std::string name : {"memory", "manifest.json"}) {
    fs::create_directory(world.vm_folder({"one", 1}) / name);
    world->suspend({"one", 1});
    const auto not_suspended = world.expect<failed>({"one", 1});
    CHECK(not_suspended.where == stage::suspend);
    CHECK(not_suspended.runs_on);
    CHECK(has(not_suspended.reason, name));
    const auto after = state_of(up.vm);
    CHECK(after.at("boot_id") == before.at("boot_id"));
    CHECK(after.at("rom") == "hello");
    CHECK(clock_is_right(after));
  }
  fs::create_directory(world.vm_folder({"one", 1}) / "memory");
  world->snapshot({{"one", 1}, "never"});
  const auto not_saved = world.expect<failed>({"one", 1});
  CHECK(not_saved.where == stage::snapshot);
  CHECK(not_saved.runs_on);
  CHECK(state_of(up.vm).at("boot_id") == before.at("boot_id"));

  world->suspend({"one", 1});
  world.expect<suspended>({"one", 1});
  world->remove({"one", 1});
  world.await_removed({"one", 1});
  world->resume(resume_of("one", 1));
  CHECK(has(world.expect<failed>({"one", 2}).reason, "cannot be resumed"));

  // What cannot be suspended says so; only what runs on says that.
  world->suspend({"ghost", 1});
  CHECK_FALSE(world.expect<failed>({"ghost", 1}).runs_on);
}

TEST_CASE("a workload hears that it is about to sleep, that it woke, and that it does not sleep",
          "[vm]") {
  driver_world world;
  const auto order = world.instance(
      "told",
      "echo listening; while read word; do echo \"heard $word\"; done < /run/platen/scale_to_zero");
  world->boot(order);
  world.expect<booted>(order.vm);
  world.output_with(order.vm, "listening");
  std::string heard = "heard scaletozero";
  // Said twice, heard once.
  world->announce_sleep({"told", 1}, sleep_news::coming);
  world->announce_sleep({"told", 1}, sleep_news::coming);
  world.output_with({"told", 1}, heard);
  world->announce_sleep({"told", 1}, sleep_news::called_off);
  world->announce_sleep({"told", 1}, sleep_news::called_off);
  world.output_with({"told", 1}, heard += "\nheard awake");

  world->announce_sleep({"told", 1}, sleep_news::coming);
  world.output_with({"told", 1}, heard += "\nheard scaletozero");
  world->suspend({"told", 1});
  world.expect<suspended>({"told", 1});
  world->resume({{"told", 2}, 1, {}});
  world.expect<resumed>({"told", 2});
  world.output_with({"told", 2}, heard += "\nheard awake");

  // The daemon that said so is gone before it has put anybody to sleep.
  world->announce_sleep({"told", 2}, sleep_news::coming);
  world.output_with({"told", 2}, heard += "\nheard scaletozero");
  world.replace_driver();
  world->adopt({"told", 2});
  world.expect<resumed>({"told", 2});
  world.output_with({"told", 2}, heard += "\nheard awake");
}

// Not part of the suite: prints how long sleeping and waking take. qemu_vm_test "[bench-suspend]"
TEST_CASE("instances wake as fast as clones are made", "[.][bench-suspend]") {
  driver_world world;
  const auto since = [](clock_type::time_point begin) {
    return std::chrono::duration<double, std::milli>(clock_type::now() - begin).count();
  };
  boot_sleeper(world, "one");
  world.make_snapshot("warm");
  for (std::uint32_t life = 1; life <= 8; ++life) {
    auto begin = clock_type::now();
    world->suspend({"one", life});
    const auto asleep = world.expect<suspended>({"one", life});
    const auto suspending = since(begin);
    begin = clock_type::now();
    world->resume(resume_of("one", life));
    const auto awake = world.expect<resumed>({"one", life + 1});
    const auto resuming = since(begin);
    begin = clock_type::now();
    CHECK_FALSE(state_of(awake.vm).empty());
    const auto answering = since(begin);
    world->remove({"one", life});
    const auto order = world.clone_of("warm", "clone-" + std::to_string(life));
    begin = clock_type::now();
    world->clone(order);
    world.expect<cloned>(order.vm);
    const auto cloning = since(begin);
    world->remove(order.vm);
    std::cout << "suspend " << suspending << " ms, " << asleep.state_bytes / 1024 << " KiB; resume "
              << resuming << " ms, first answer " << answering << " ms later; clone " << cloning
              << " ms\n";
  }
}
