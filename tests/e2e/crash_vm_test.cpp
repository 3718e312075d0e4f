// kill -9 of the daemon with real VMs: nothing is lost, nothing is left behind.
#include <catch2/catch.hpp>
#include <csignal>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
using namespace std::chrono_literals;

std::jthread create_in_background(const world& vms, const std::string& name) {
  return std::jthread([&vms, name] {
    auto client = vms.api();
    // The connection breaks when the daemon dies; the instance must survive all the same.
    (void)client.send(platen::cli::method::post, "/v1/instances", {}, on_demand(name, "demo"));
  });
}

// Until a clone of the template is kept ready; nothing tells of it.
void await_warm(const world& vms, const std::string& name) {
  for (int i = 0; i < 600; ++i) {
    const auto warm = vms.vm_template(name).value("warm", json::object());
    if (warm.value("ready", 0) > 0) return;
    std::this_thread::sleep_for(100ms);
  }
  FAIL("no clone of " << name << " was kept ready");
}

}  // namespace

TEST_CASE(
    "P1 P7: a preparation that kill -9 interrupts goes on, and those who waited get their "
    "instance") {
  // The event after which the daemon dies: preparing, awaiting_guest_signal, snapshotting, cloning.
  const auto* const moment = GENERATE("PreparationStarted", "TemplateGuestBooted", "GuestSignalled",
                                      "InstanceCloneStarted");
  INFO("killed after " << moment);
  const auto vms = world_with_vms();
  auto client = create_in_background(*vms, "one");
  vms->await_event(moment);
  vms->kill_daemon();
  client.join();

  vms->start_daemon();
  const auto instance = vms->wait_until_running("one");
  CHECK(fetch(instance, "/").find("rom-of-one") != std::string::npos);
  CHECK(vms->vm_template("demo")["clone_count"] == 1);
  vms->require_everything_owned();
}

TEST_CASE("P7: a running instance serves while its daemon is gone, and the next daemon adopts it") {
  const auto vms = world_with_vms();
  const auto before = vms->create(on_demand("one", "demo"));
  REQUIRE(before.value("lifecycle", "") == "running");
  await_warm(*vms, "demo");
  const auto kept_ready = vms->pool_processes();
  REQUIRE(kept_ready.size() > 0);

  SECTION("after kill -9") {
    vms->kill_daemon();
    // One more may just have been begun.
    CHECK_THAT(vms->pool_processes(), Catch::Contains(kept_ready));
  }
  SECTION("after SIGTERM, which ends the daemon within a second, and the clones it kept ready") {
    CHECK(vms->stop_daemon() < 1000ms);
    CHECK(vms->pool_processes().empty());
  }

  CHECK(fetch(before, "/").find("rom-of-one") != std::string::npos);
  vms->start_daemon();
  const auto adopted = vms->wait_until_running("one");
  CHECK(adopted["pid"] == before["pid"]);
  CHECK(adopted["services"] == before["services"]);
  // Nobody has asked the new daemon for a clone.
  CHECK(vms->pool_processes().empty());
  CHECK(fetch(adopted, "/").find("rom-of-one") != std::string::npos);
  vms->require_everything_owned();

  REQUIRE(vms->platen({"instance", "stop", "one"}).code == 0);
  REQUIRE(vms->platen({"instance", "wait", "one", "--state", "stopped", "--timeout", "60"}).code ==
          0);
  CHECK(vms->all_vms_end());
}

TEST_CASE("P7: an instance whose VM died while no daemon ran is not shown as running") {
  const auto vms = world_with_vms();
  const auto instance = vms->create(on_demand("one", "demo"));
  REQUIRE(instance.value("lifecycle", "") == "running");
  vms->kill_daemon();
  kill(instance["pid"].get<pid_t>(), SIGKILL);
  vms->start_daemon();
  vms->await_event([&](const json& event) {
    return event["type"] == "InstanceStopped" || event["type"] == "InstanceFailed";
  });
  const auto after = vms->instance("one");
  CHECK(after["state"] == "stopped");
  vms->require_everything_owned();
}

TEST_CASE("with --stop-vms-on-exit the VMs end with their daemon") {
  world vms({"--hypervisor", "qemu", "--stop-vms-on-exit"});
  vms.start_daemon();
  REQUIRE(vms.platen({"image", "demo"}).code == 0);
  REQUIRE(vms.create(on_demand("one", "demo")).value("lifecycle", "") == "running");
  vms.stop_daemon();
  CHECK(vms.all_vms_end());
}
