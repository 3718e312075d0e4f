// The daemon is killed at random moments under a stream of creates. Hidden: tools/kill9 runs it.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;

unsigned setting(const char* variable, unsigned fallback) {
  const char* value = std::getenv(variable);
  return value == nullptr ? fallback : static_cast<unsigned>(std::stoul(value));
}

// Creates instances one after the other until the daemon is gone; the names that were acknowledged.
std::set<std::string> create_until_killed(const world& vms, const std::string& prefix,
                                          const std::string& of) {
  std::set<std::string> acknowledged;
  constexpr int most = 4;  // more would only fill the machine
  for (int i = 0; i < most; ++i) {
    const auto name = prefix + "-" + std::to_string(i);
    auto client = vms.api();
    const auto answer =
        client.send(platen::cli::method::post, "/v1/instances", {}, on_demand(name, of));
    if (!answer) break;
    acknowledged.insert(name);
  }
  return acknowledged;
}

std::set<std::string> names(const json& list) {
  std::set<std::string> out;
  for (const auto& item : list)
    out.insert(item.at("name").get<std::string>());
  return out;
}

void await_settled(const world& vms) {
  for (const auto& instance : vms.platen_json({"instance", "ls"}))
    (void)vms.platen({"instance", "wait", instance["uuid"], "--timeout", "240"});
}

void delete_everything(const world& vms, bool templates_too) {
  for (const auto& instance : vms.platen_json({"instance", "ls"}))
    CHECK(vms.platen({"instance", "rm", instance["uuid"]}).code == 0);
  if (!templates_too) return;
  for (const auto& one : vms.platen_json({"template", "ls"}))
    CHECK(vms.platen({"template", "rm", one["uuid"]}).code == 0);
}

}  // namespace

TEST_CASE("P1 P7: kill -9 at random moments loses nothing and leaves nothing behind", "[.soak]") {
  const auto rounds = setting("KILL9_ROUNDS", 30);
  const auto seed = setting("KILL9_SEED", std::random_device{}());
  std::mt19937 random(seed);
  std::cout << "seed " << seed << ", " << rounds << " rounds\n";
  const auto vms = world_with_vms();
  for (unsigned round = 1; round <= rounds; ++round) {
    // A new template every third round, so that the kills also fall into preparations.
    const auto of = "t" + std::to_string(round / 3);
    std::vector<std::set<std::string>> acknowledged(2);
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < acknowledged.size(); ++i)
      clients.emplace_back([&, i] {
        const auto prefix = "r" + std::to_string(round) + "-" + std::to_string(i);
        acknowledged[i] = create_until_killed(*vms, prefix, of);
      });
    const auto moment = std::uniform_int_distribution(50, round % 3 == 0 ? 30'000 : 6'000)(random);
    std::this_thread::sleep_for(std::chrono::milliseconds(moment));
    vms->kill_daemon();
    for (auto& client : clients)
      client.join();
    vms->start_daemon();

    const auto known = names(vms->platen_json({"instance", "ls"}));
    for (const auto& some : acknowledged)
      for (const auto& name : some) {
        INFO("round " << round << ", acknowledged " << name);
        CHECK(known.count(name) == 1);
      }
    await_settled(*vms);
    vms->require_everything_owned();
    delete_everything(*vms, round % 3 == 2);
    std::cout << "round " << round << ": killed after " << moment << " ms, " << known.size()
              << " instances known\n"
              << std::flush;
  }
  delete_everything(*vms, true);
  vms->stop_daemon();
  vms->start_daemon();
  CHECK(vms->vm_processes().empty());
  CHECK(vms->vm_directories().empty());
}
