// Backup, restore, moving and archiving, as tools/platend/README.md describes them.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "store/append_and_wait.hpp"
#include "store/rocksdb_log.hpp"
#include "tests/e2e/world.hpp"
#include "tools/common/defaults.hpp"

namespace {

using namespace platen;
using namespace platen::tests;
namespace fs = std::filesystem;

std::unique_ptr<world> sim_world(const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"--hypervisor", "sim"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return std::make_unique<world>(arguments);
}

// A template, a running, a stopped and a never started instance; the daemon is stopped at the end.
std::unique_ptr<world> world_with_a_past() {
  auto made = sim_world();
  made->start_daemon();
  for (const auto* name : {"runs", "stopped"})
    made->platen_json(
        {"instance", "create", "--template", "web", "--from", "any:v1", "--name", name});
  made->platen_json({"instance", "create", "--image", "any:v1", "--name", "idle", "--no-start"});
  REQUIRE(made->platen({"instance", "stop", "stopped"}).code == 0);
  REQUIRE(
      made->platen({"instance", "wait", "stopped", "--state", "stopped", "--timeout", "60"}).code ==
      0);
  return made;
}

json verified(const world& of) {
  return of.platen_json({"verify", "--data", of.data().string()});
}

json states(const world& of) {
  return of.platen_json({"replay", "--data", of.data().string()});
}

// After a start, when what the simulated hypervisor forgot has been noticed: the running VM and the
// snapshot. What everything has come to.
json settled(world& of, std::uint64_t head) {
  of.start_daemon();
  of.await_event("InstanceStopped", head);
  of.await_event("SnapshotRejected", head);
  json all = json::array();
  for (const auto* group : {"template", "instance"})
    for (const auto& entity : of.platen_json({group, "ls"}))
      all.push_back({entity["name"], entity["uuid"], entity["lifecycle"]});
  return all;
}

std::uint64_t sequence_of(const std::string& head) {
  return std::stoull(head.substr(0, head.find(':')));
}

void fill_log(const world& of, std::uint64_t count) {
  fs::create_directories(of.data());
  chmod(of.data().c_str(), 0700);
  auto log = store::rocksdb_log::open(tools::log_path(of.data()).string());
  REQUIRE(log);
  constexpr std::uint64_t each = 50;
  for (std::uint64_t version = 0; version < count; version += each) {
    store::append_request request;
    request.stream = "system/filler";
    request.expected_version = version;
    request.what.assign(each, events::daemon_stopped{});
    REQUIRE(store::append_and_wait(**log, request));
  }
}

}  // namespace

TEST_CASE("a data directory that was copied elsewhere goes on as the same control plane") {
  const auto original = world_with_a_past();
  original->stop_daemon();
  const auto head = verified(*original)["head"].get<std::string>();

  const auto moved = sim_world();
  REQUIRE(run({"cp", "-a", original->data().string(), moved->data().string()}).code == 0);
  CHECK(moved->platen({"verify", "--data", moved->data().string(), "--witness", head}).code == 0);
  CHECK(verified(*moved) == verified(*original));
  CHECK(states(*moved) == states(*original));
  const auto there = settled(*moved, sequence_of(head));
  CHECK(there.size() == 4);
  CHECK(there == settled(*original, sequence_of(head)));
  // The token came along.
  CHECK(moved->platen({"--token", original->where().token, "status"}).code == 0);
}

TEST_CASE("an export that is imported elsewhere goes on as the same control plane") {
  const auto original = world_with_a_past();
  const auto live = (original->directory().path() / "live.plseg").string();
  const auto exported = original->platen_json({"export", live});
  CHECK(exported["first"] == 1);
  CHECK(exported["withheld"] == 0);
  const auto digest = run({"sha256sum", live}).out;
  CHECK(digest.substr(0, 64) == exported["sha256"].get<std::string>());
  original->stop_daemon();
  const auto head = verified(*original)["head"].get<std::string>();

  // The backup of the running daemon, and what came since.
  const auto rest = (original->directory().path() / "rest.plseg").string();
  const auto next = std::to_string(exported["last"].get<std::uint64_t>() + 1);
  REQUIRE(original->platen({"export", rest, "--data", original->data().string(), "--from", next})
              .code == 0);
  const auto restored = sim_world();
  const auto imported =
      original->platen_json({"import", live, rest, "--data", restored->data().string()});
  CHECK(imported["head"] == head);
  struct stat facts {};
  REQUIRE(stat(restored->data().c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0700);
  CHECK(verified(*restored) == verified(*original));
  CHECK(states(*restored) == states(*original));
  CHECK(settled(*restored, sequence_of(head)) == settled(*original, sequence_of(head)));
}

TEST_CASE("a segment is read as a log: verified, replayed, exported again") {
  const auto original = world_with_a_past();
  original->stop_daemon();
  const auto data = original->data().string();
  const auto file = [&](const char* name) {
    return (original->directory().path() / name).string();
  };
  const auto whole = original->platen_json({"export", file("all.plseg"), "--data", data});
  CHECK(original->platen_json({"--segment", file("all.plseg"), "verify"})["head"] == whole["head"]);
  CHECK(original->platen_json({"--segment", file("all.plseg"), "replay"}) == states(*original));

  // Redacted: the chain still verifies up to the same head.
  const auto redacted =
      original->platen_json({"export", file("safe.plseg"), "--data", data, "--redact",
                             "stream=instance/*", "--redact", "type=TemplateRequested"});
  CHECK(redacted["withheld"] > 3);
  const auto report = original->platen_json({"--segment", file("safe.plseg"), "verify"});
  CHECK(report["ok"] == true);
  CHECK(report["withheld"] == redacted["withheld"]);
  CHECK(report["head"] == whole["head"]);
  CHECK(original->platen_json({"--segment", file("safe.plseg"), "export",
                               file("again.plseg")})["withheld"] == redacted["withheld"]);

  // Two parts of it, in any order.
  REQUIRE(original->platen({"export", file("1.plseg"), "--data", data, "--to", "3"}).code == 0);
  REQUIRE(original->platen({"export", file("2.plseg"), "--data", data, "--from", "4"}).code == 0);
  CHECK(original->platen_json({"--segment", file("2.plseg"), "--segment", file("1.plseg"),
                               "verify"})["head"] == whole["head"]);
  CHECK(original->platen_json({"--segment", file("2.plseg"), "verify"})["first"] == 4);
}

TEST_CASE("exports and imports that cannot be right are refused and leave nothing behind") {
  const auto original = world_with_a_past();
  original->stop_daemon();
  const auto data = original->data().string();
  const auto& directory = original->directory().path();
  const auto file = [&](const char* name) { return (directory / name).string(); };
  const auto refused = [&](const std::vector<std::string>& arguments, int code,
                           const std::string& why) {
    const auto result = original->platen(arguments);
    INFO(result.err);
    CHECK(result.code == code);
    CHECK(result.err.find(why) != std::string::npos);
  };
  const auto bad = file("bad.plseg");
  refused({"export", bad, "--data", data, "--to", "100000"}, 3, "the log ends with event");
  refused({"export", bad, "--data", data, "--from", "100000"}, 3, "no event from 100000 on");
  refused({"export", bad, "--data", data, "--from", "5", "--to", "2"}, 2, "--to");
  refused({"export", bad, "--data", data, "--redact", "nonsense"}, 2, "expected type=NAME");
  refused({"export", bad, "--data", data, "--redact", "type=InstanceRequsted"}, 2, "no such type");
  refused({"export", bad, "--data", data, "--stream", "template/nobody"}, 3, "no event meets");
  refused({"export", file("no/such/directory.plseg"), "--data", data}, 1, "directory.plseg");
  CHECK_FALSE(fs::exists(bad));
  CHECK_FALSE(fs::exists(bad + ".tmp"));

  const auto good = file("good.plseg");
  REQUIRE(original->platen({"export", good, "--data", data}).code == 0);
  refused({"export", good, "--data", data}, 1, "exists already");
  refused({"--segment", good, "--data", data, "verify"}, 2, "one log");
  refused({"--segment", file("none.plseg"), "verify"}, 3, "none.plseg");

  const auto target = file("new");
  refused({"import", good}, 2, "--data");
  refused({"import", good, "--data", data}, 1, "is not an empty directory");
  refused({"import", file("none.plseg"), "--data", target}, 3, "none.plseg");
  REQUIRE(original->platen({"export", file("end.plseg"), "--data", data, "--from", "3"}).code == 0);
  refused({"import", file("end.plseg"), "--data", target}, 1, "begin with event 3");
  REQUIRE(
      original
          ->platen({"export", file("safe.plseg"), "--data", data, "--redact", "stream=instance/*"})
          .code == 0);
  refused({"import", file("safe.plseg"), "--data", target}, 1, "withheld");
  auto bytes = content_of(good);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  original->directory().write("damaged.plseg", bytes);
  refused({"import", file("damaged.plseg"), "--data", target}, 7, "damaged.plseg");
  refused({"--segment", file("damaged.plseg"), "verify"}, 7, "damaged.plseg");
  CHECK_FALSE(fs::exists(target));
  for (const auto& entry : fs::directory_iterator(directory))
    CHECK(entry.path().filename().string().find("import") == std::string::npos);

  fs::create_directory(target);
  CHECK(original->platen({"import", good, "--data", target}).code == 0);
}

TEST_CASE("a daemon archives old events; the log is still one, and a missing file is named") {
  const auto sim =
      sim_world({"--archive", "archive", "--keep-events", "1000", "--segment-events", "1000"});
  fill_log(*sim, 2500);
  sim->start_daemon();
  const auto fact = sim->await_event("HistoryArchived");
  CHECK(fact["stream"] == "system/archive");
  CHECK(fact["data"]["last"] == 1000);
  const auto name = fact["data"]["file"].get<std::string>();
  REQUIRE(sim->daemon().line_with("archived the events 1 to 1000", std::chrono::seconds(60)));
  CHECK(fs::exists(sim->data() / "archive" / name));
  CHECK(sim->events().size() > 2500);
  CHECK(sim->platen_json({"verify"})["first"] == 1);
  sim->platen_json({"instance", "create", "--template", "web", "--from", "any:v1", "--name", "a"});
  sim->stop_daemon();
  const auto before = verified(*sim);
  CHECK(before["events"] > 2500);

  const auto data = sim->data().string();
  fs::rename(sim->data() / "archive", sim->directory().path() / "elsewhere");
  const auto missing = sim->platen({"verify", "--data", data});
  CHECK(missing.code == 1);
  CHECK(missing.err.find(name) != std::string::npos);
  CHECK(missing.err.find("events 1 to 1000") != std::string::npos);
  const auto elsewhere = (sim->directory().path() / "elsewhere").string();
  CHECK(sim->platen_json({"verify", "--data", data, "--archive", elsewhere}) == before);

  fs::rename(elsewhere, sim->data() / "archive");
  sim->start_daemon();
  CHECK(sim->instance("a")["name"] == "a");
  sim->require_chain_unbroken();

  // A log that cannot be read at the moment is not a broken one, through the daemon either.
  const auto sealed = sim->data() / "archive" / name;
  fs::rename(sealed, elsewhere);
  const auto out_of_reach = sim->platen({"verify"});
  CHECK(out_of_reach.code == 1);
  CHECK(out_of_reach.err.find(name) != std::string::npos);
  fs::rename(elsewhere, sealed);

  // All of it, archived or not, in one file again.
  const auto all = (sim->directory().path() / "all.plseg").string();
  CHECK(sim->platen_json({"export", all})["first"] == 1);
}
