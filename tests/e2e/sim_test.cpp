// platend and platen as processes, with the simulated hypervisor: everything but the VMs is real.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <set>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::unique_ptr<world> sim_world() {
  auto made = std::make_unique<world>(std::vector<std::string>{"--hypervisor", "sim"});
  made->start_daemon();
  return made;
}

const std::vector<std::string> create_web{"instance", "create", "--template", "web",
                                          "--from",   "any:v1", "--port",     "443:8080"};

std::vector<std::string> create_named(const std::string& name) {
  auto arguments = create_web;
  arguments.insert(arguments.end(), {"--name", name});
  return arguments;
}

}  // namespace

TEST_CASE("the token is made at the first start, readable by its user only, and announced") {
  const auto sim = sim_world();
  struct stat facts {};
  REQUIRE(stat((sim->data() / "token").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0600);
  CHECK(sim->daemon().output().find((sim->data() / "token").string()) != std::string::npos);
}

TEST_CASE("a template is prepared on demand once, and the second create clones it") {
  const auto sim = sim_world();
  const auto first = sim->platen_json(create_named("one"));
  CHECK(first["lifecycle"] == "running");
  CHECK(first["template"]["name"] == "web");
  CHECK(sim->platen_json(create_named("two"))["lifecycle"] == "running");
  CHECK(sim->count_events("PreparationStarted") == 1);
  CHECK(sim->platen_json({"template", "get", "web"})["clone_count"] == 2);
}

TEST_CASE("fifty concurrent identical creates cause one preparation and fifty instances") {
  const auto sim = sim_world();
  std::vector<std::jthread> clients;
  for (int i = 0; i < 50; ++i)
    clients.emplace_back([&, i] {
      auto client = sim->api();
      (void)client.send(platen::cli::method::post, "/v1/instances", {},
                        on_demand("i" + std::to_string(i), "web"));
    });
  for (auto& client : clients)
    client.join();
  CHECK(sim->count_events("PreparationStarted") == 1);
  const auto all = sim->platen_json({"instance", "ls"});
  CHECK(all.size() == 50);
  for (const auto& instance : all)
    CHECK(instance["lifecycle"] == "running");
}

TEST_CASE("every event has the fields that scripts rely on") {
  const auto sim = sim_world();
  sim->platen_json(create_named("one"));
  const auto listed = sim->platen({"events", "--json"});
  REQUIRE(listed.code == 0);
  std::istringstream lines(listed.out);
  std::uint64_t sequence = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto event = json::parse(line);
    CHECK(event["sequence"] == ++sequence);
    for (const auto* member : {"stream", "type", "time", "origin", "principal", "request_id"})
      CHECK(event.at(member).is_string());
    CHECK(event.at("version").is_number());
  }
  CHECK(sequence > 5);
  const auto of_template = sim->platen({"events", "--json", "--stream", "template/web"});
  CHECK(of_template.out.find("PreparationStarted") != std::string::npos);
  CHECK(of_template.out.find("instance/") == std::string::npos);
}

TEST_CASE("the exit codes tell what went wrong") {
  const auto sim = sim_world();
  CHECK(sim->platen({"status"}).code == 0);
  CHECK(sim->platen({"instance", "create"}).code == 2);
  CHECK(sim->platen({"no-such-command"}).code == 2);
  CHECK(sim->platen({"instance", "get", "nobody"}).code == 3);
  CHECK(sim->platen({"instance", "rm", "nobody"}).code == 3);
  CHECK(sim->platen({"--token", "not-the-token-of-it", "instance", "ls"}).code == 6);
  CHECK(sim->platen({"--url", "http://127.0.0.1:1", "status"}).code == 5);
  sim->platen_json(create_named("one"));
  CHECK(sim->platen({"instance", "wait", "one", "--state", "stopped", "--timeout", "1"}).code == 4);
}

TEST_CASE("an instance is created, stopped, started and deleted from the command line") {
  const auto sim = sim_world();
  sim->platen_json(create_named("one"));
  CHECK(sim->platen({"instance", "stop", "one"}).code == 0);
  CHECK(sim->platen({"instance", "wait", "one", "--state", "stopped", "--timeout", "30"}).code ==
        0);
  CHECK(sim->platen({"instance", "start", "one"}).code == 0);
  CHECK(sim->platen({"instance", "wait", "one", "--timeout", "30"}).code == 0);
  CHECK(sim->platen({"instance", "rm", "one"}).code == 0);
  CHECK(sim->platen({"instance", "get", "one"}).code == 3);
  CHECK(sim->platen({"template", "rm", "web"}).code == 0);
  CHECK(sim->platen_json({"template", "ls"}).empty());
}

TEST_CASE("a second daemon on the same data directory is refused and told why") {
  const auto sim = sim_world();
  const auto second = run({PLATEN_BINARY_DIR "/platend", "--data", sim->data().string(), "--listen",
                           "127.0.0.1:0", "--hypervisor", "sim"});
  CHECK(second.code == 1);
  CHECK(second.err.find("is in use by process " + std::to_string(sim->daemon().pid())) !=
        std::string::npos);
}

TEST_CASE("bad configuration ends the daemon with the file, the line and the key") {
  const temporary_directory directory;
  const auto file =
      directory.write("platend.toml", "listen = \"127.0.0.1:0\"\nlog_levle = \"info\"\n");
  const auto refused = run({PLATEN_BINARY_DIR "/platend", "--config", file.string()});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("platend.toml:2: log_levle: unknown key; did you mean 'log_level'?") !=
        std::string::npos);
}

TEST_CASE("SIGTERM ends the daemon within a second, requests that wait included") {
  const auto sim = sim_world();
  sim->platen_json({"instance", "create", "--image", "any:v1", "--name", "idle", "--no-start"});
  std::jthread waiting([&] { (void)sim->platen({"instance", "wait", "idle"}); });
  sim->await_event("InstanceRequested");
  CHECK(sim->stop_daemon() < 1000ms);
  waiting.join();
}

TEST_CASE("the log on disk can be listed, folded and verified without a daemon") {
  const auto sim = sim_world();
  sim->platen_json(create_named("one"));
  sim->stop_daemon();
  const auto data = sim->data().string();

  CHECK(sim->platen({"events", "--data", data}).out.find("InstanceRunning") != std::string::npos);

  const auto now = sim->platen_json({"replay", "--data", data});
  REQUIRE(now["instances"].size() == 1);
  CHECK(now["instances"][0]["lifecycle"] == "running");
  CHECK(now["templates"][0]["lifecycle"] == "snapshotted");
  // The daemon's start, the request, and the first of what it caused.
  const auto earlier = sim->platen_json({"replay", "--data", data, "--at", "3"});
  CHECK(earlier["sequence"] == 3);
  CHECK(earlier["instances"].size() + earlier["templates"].size() + earlier["services"].size() ==
        1);

  const auto verified = sim->platen_json({"verify", "--data", data});
  CHECK(verified["ok"] == true);
  const auto head = verified["head"].get<std::string>();
  CHECK(sim->platen({"verify", "--data", data, "--witness", head}).code == 0);
  auto forged = head;
  forged.back() = forged.back() == '0' ? '1' : '0';
  CHECK(sim->platen({"verify", "--data", data, "--witness", forged}).code == 7);
}

TEST_CASE("what happened is told through the daemon and from disk alike") {
  const auto sim = sim_world();
  sim->platen_json(create_named("one"));
  const auto live = sim->platen_json({"explain", "one"});
  CHECK(sim->platen({"events", "--type", "InstanceRuning"}).code == 2);
  CHECK(sim->platen({"events", "--stream", "template/wbe"}).code == 3);
  const auto versions = sim->platen({"replay", "--against", PLATEN_BINARY_DIR "/platen"});
  CHECK(versions.code == 0);
  sim->stop_daemon();
  const auto data = sim->data().string();

  const auto offline = sim->platen_json({"explain", "one", "--data", data});
  REQUIRE(offline["steps"].size() >= live["steps"].size());
  for (std::size_t i = 0; i < live["steps"].size(); ++i)
    CHECK(offline["steps"][i] == live["steps"][i]);
  CHECK(offline["now"] == live["now"]);

  const auto script = "break type=InstanceRunning; continue; diff; state instance/one";
  const auto stepped = sim->platen({"replay", "--data", data, "--script", script});
  CHECK(stepped.code == 0);
  CHECK(stepped.out.find("lifecycle: cloning → running") != std::string::npos);
  const auto wrong = sim->platen({"replay", "--data", data, "--script", "next; nxet 2"});
  CHECK(wrong.code == 1);
  CHECK(wrong.err.find("command 2 ('nxet 2')") != std::string::npos);
  CHECK(sim->platen({"replay", "--data", data, "--check"}).code == 0);

  const auto page = sim->directory().path() / "timeline.html";
  CHECK(sim->platen({"timeline", page.string(), "--data", data}).code == 0);
  CHECK(content_of(page).rfind("<!DOCTYPE html>", 0) == 0);
  const auto trace = sim->platen(
      {"timeline", "-", "--format", "chrome", "--data", data, "--stream", "template/web"});
  CHECK(json::parse(trace.out)["traceEvents"].size() > 10);
}

TEST_CASE("P6: a flipped byte in the log is found, with its own exit code") {
  const auto sim = sim_world();
  sim->platen_json(create_named("one"));
  sim->stop_daemon();
  // The newest table file holds the events; the flip is in the middle of its data.
  fs::path table;
  for (const auto& entry : fs::recursive_directory_iterator(sim->data() / "log"))
    if (entry.path().extension() == ".sst" &&
        content_of(entry.path()).find("InstanceRequested") != std::string::npos)
      table = entry.path();
  REQUIRE_FALSE(table.empty());
  auto bytes = content_of(table);
  bytes[bytes.find("InstanceRequested")] ^= 1;
  std::ofstream(table, std::ios::binary) << bytes;
  CHECK(sim->platen({"verify", "--data", sim->data().string()}).code == 7);
}

TEST_CASE("P1: after kill -9 at any moment, everything acknowledged is still known") {
  const auto sim = sim_world();
  std::set<std::string> acknowledged;
  for (int round = 0; round < 5; ++round) {
    std::mutex mutex;
    const auto seen = sim->events().size();
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i)
      clients.emplace_back([&, i] {
        const auto name = "r" + std::to_string(round) + "-" + std::to_string(i);
        auto client = sim->api();
        const auto answer = client.send(platen::cli::method::post, "/v1/instances", {},
                                        on_demand(name, "web" + std::to_string(round)));
        if (!answer) return;
        const std::lock_guard lock(mutex);
        acknowledged.insert(name);
      });
    sim->await_event([&](const json& event) { return event["type"] == "InstanceCloneStarted"; },
                     seen);
    sim->kill_daemon();
    for (auto& client : clients)
      client.join();
    sim->start_daemon();
  }
  for (const auto& name : acknowledged) {
    INFO(name);
    CHECK(sim->instance(name).value("status", "") != "error");
  }
  sim->require_chain_unbroken();
}

// ---- Idempotency-Key ----------------------------------------------------------------------------

namespace {

// Sends it in the background, as a client does whose daemon dies meanwhile.
std::jthread send_and_lose(const world& to, platen::cli::method verb, std::string path,
                           std::optional<json> body, std::string key) {
  return std::jthread(
      [&to, verb, path = std::move(path), body = std::move(body), key = std::move(key),
       client = to.api()]() mutable { (void)client.send(verb, path, {}, body, key); });
}

}  // namespace

TEST_CASE("P4: a create whose daemon was killed is answered with the same instance by the next") {
  const auto sim = sim_world();
  const auto body = on_demand("one", "web");
  {
    const auto lost = send_and_lose(*sim, platen::cli::method::post, "/v1/instances", body, "k1");
    // The request has begun and is not answered while its template is being prepared.
    sim->await_event("PreparationStarted");
    sim->kill_daemon();
  }
  sim->start_daemon();
  const auto answered = sim->api().send(platen::cli::method::post, "/v1/instances", {}, body, "k1");
  REQUIRE(answered);
  CHECK(answered->items("instances").at(0).at("lifecycle") == "running");
  CHECK(sim->count_events("InstanceRequested") == 1);
  CHECK(sim->count_events("RequestBegan") == 1);
  CHECK(sim->count_events("RequestAnswered") == 1);
  // All that the request led to has one cause, whichever daemon recorded it.
  std::set<std::string> causes;
  for (const auto& event : sim->events())
    if (event["stream"].get<std::string>().rfind("system/", 0) != 0)
      causes.insert(event["request_id"].get<std::string>());
  CHECK(causes.size() == 1);

  sim->kill_daemon();
  sim->start_daemon();
  const auto again = sim->api().send(platen::cli::method::post, "/v1/instances", {}, body, "k1");
  REQUIRE(again);
  CHECK(again->data == answered->data);
  CHECK(sim->count_events("InstanceRequested") == 1);
  sim->stop_daemon();
  sim->require_chain_unbroken();
}

TEST_CASE("P4: a delete whose daemon was killed at any moment succeeds when it is repeated") {
  const auto sim = sim_world();
  for (int round = 0; round < 5; ++round) {
    const auto name = "r" + std::to_string(round);
    sim->platen_json(create_named(name));
    const auto path = "/v1/instances/" + sim->instance(name).at("uuid").get<std::string>();
    const auto seen = sim->events().size();
    {
      const auto lost =
          send_and_lose(*sim, platen::cli::method::remove, path, std::nullopt, "rm-" + name);
      // Killed after the deletion is durable; whether the answer is, is left to chance.
      sim->await_event([](const json& event) { return event["type"] == "InstanceDeleted"; }, seen);
      sim->kill_daemon();
    }
    sim->start_daemon();
    const auto answered =
        sim->api().send(platen::cli::method::remove, path, {}, std::nullopt, "rm-" + name);
    REQUIRE(answered);
    CHECK(answered->items("instances").at(0).at("status") == "success");
    CHECK(answered->items("instances").at(0).at("name") == name);
  }
  CHECK(sim->count_events("InstanceDeleted") == 5);
}

TEST_CASE("P4: the command line repeats a create by its key") {
  const auto sim = sim_world();
  auto arguments = create_named("one");
  arguments.insert(arguments.end(), {"--idempotency-key", "k1"});
  const auto first = sim->platen_json(arguments);
  CHECK(sim->platen_json(arguments) == first);
  CHECK(sim->count_events("InstanceRequested") == 1);
  arguments[3] = "other";
  const auto refused = sim->platen(arguments);
  CHECK(refused.code == 2);
  CHECK(refused.err.find("belongs to another request: its body was another") != std::string::npos);
  // Without one, each command has a key of its own.
  CHECK(sim->platen(create_named("one")).code == 1);
  CHECK(sim->count_events("RequestBegan") == 2);
}
