// What Platen exists for, with real VMs: templates on demand and clones of them.
#include <catch2/catch.hpp>
#include <cmath>
#include <ctime>
#include <set>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
using namespace std::chrono_literals;

struct timed {
  json instance;
  std::chrono::milliseconds took;
};

timed create(const world& vms, const json& body) {
  const auto begin = std::chrono::steady_clock::now();
  auto instance = vms.create(body);
  const auto took = std::chrono::steady_clock::now() - begin;
  INFO(instance.dump(2));
  REQUIRE(instance.value("lifecycle", "") == "running");
  return {std::move(instance), std::chrono::duration_cast<std::chrono::milliseconds>(took)};
}

json identity(const json& instance) {
  return json::parse(fetch(instance, "/id"));
}

}  // namespace

TEST_CASE("a template is made on demand, and later creates only clone it") {
  const auto vms = world_with_vms();
  const auto first = create(*vms, on_demand("one", "demo"));
  const auto second = create(*vms, on_demand("two", "demo"));
  WARN("first " << first.took.count() << " ms, second " << second.took.count() << " ms");
  CHECK(vms->count_events("PreparationStarted") == 1);

  SECTION("each instance serves the text of its own ROM") {
    CHECK(fetch(first.instance, "/").find("rom-of-one") != std::string::npos);
    CHECK(fetch(second.instance, "/").find("rom-of-two") != std::string::npos);
  }
  SECTION("each instance has an identity of its own and the right time") {
    const auto a = identity(first.instance);
    const auto b = identity(second.instance);
    for (const auto* member : {"uuid", "urandom", "machine_id", "hostname"}) {
      INFO(member);
      CHECK(a[member] != b[member]);
    }
    CHECK(std::abs(b["time"].get<double>() - static_cast<double>(std::time(nullptr))) <= 2);
  }
  SECTION("a stopped instance leaves no process, a deleted one leaves nothing") {
    REQUIRE(vms->platen({"instance", "stop", "one"}).code == 0);
    REQUIRE(
        vms->platen({"instance", "wait", "one", "--state", "stopped", "--timeout", "60"}).code ==
        0);
    CHECK(vms->vm_processes().size() == 1);
    REQUIRE(vms->platen({"instance", "rm", "one", "two"}).code == 0);
    REQUIRE(vms->platen({"template", "rm", "demo"}).code == 0);
    // Files go after the answer; a restart waits for nothing and reconciles what is left.
    vms->stop_daemon();
    vms->start_daemon();
    CHECK(vms->vm_processes().empty());
    CHECK(vms->vm_directories().empty());
    vms->require_everything_owned();
  }
}

TEST_CASE("eight concurrent identical creates boot one VM and get eight different clones") {
  const auto vms = world_with_vms();
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i)
    clients.emplace_back([&, i] {
      auto client = vms->api();
      (void)client.send(platen::cli::method::post, "/v1/instances", {},
                        on_demand("i" + std::to_string(i), "demo"));
    });
  for (auto& client : clients)
    client.join();
  CHECK(vms->count_events("PreparationStarted") == 1);
  std::set<std::string> uuids, randoms, machines;
  for (const auto& instance : vms->platen_json({"instance", "ls"})) {
    INFO(instance.dump(2));
    REQUIRE(instance["lifecycle"] == "running");
    const auto id = identity(instance);
    uuids.insert(id["uuid"]);
    randoms.insert(id["urandom"]);
    machines.insert(id["machine_id"]);
  }
  CHECK(uuids.size() == 8);
  CHECK(randoms.size() == 8);
  CHECK(machines.size() == 8);
  vms->require_everything_owned();
}
