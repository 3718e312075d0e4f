// What people and machines do to a data directory: each has a clear message, and nothing is lost.
#include <catch2/catch.hpp>
#include <csignal>
#include <set>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
namespace fs = std::filesystem;

constexpr int log_failed = 70;

std::unique_ptr<world> sim_world() {
  return std::make_unique<world>(std::vector<std::string>{"--hypervisor", "sim"});
}

finished start_on(const fs::path& data) {
  return run({PLATEN_BINARY_DIR "/platend", "--data", data.string(), "--listen", "127.0.0.1:0",
              "--hypervisor", "sim"});
}

// What is in a directory, by name and content.
std::map<std::string, std::string> inventory_of(const fs::path& directory) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file())
      all[fs::relative(entry.path(), directory).string()] = content_of(entry.path());
  return all;
}

}  // namespace

TEST_CASE("P9: a daemon whose disk is full acknowledges nothing more and ends with 70") {
  const auto sim = sim_world();
  // The limit of a file's size stands for the disk's: the write-ahead log meets it first.
  sim->launch_with({"/bin/sh", "-c", "trap '' XFSZ; ulimit -f 128; exec \"$@\"", "sh"});
  sim->start_daemon();
  std::vector<std::string> acknowledged;
  auto client = sim->api();
  for (int i = 0; i < 2000; ++i) {
    const auto name = "i" + std::to_string(i);
    const auto answer = client.send(platen::cli::method::post, "/v1/instances", {},
                                    json{{"name", name}, {"image", "any:v1"}, {"memory_mb", 64}});
    if (!answer) break;
    acknowledged.push_back(name);
  }
  REQUIRE(acknowledged.size() > 10);
  REQUIRE(acknowledged.size() < 2000);
  CHECK(sim->wait_for_daemon_to_end() == log_failed);
  CHECK(sim->daemon().output().find("the event log failed, ending") != std::string::npos);

  sim->launch_with({});
  sim->start_daemon();
  std::set<std::string> found;
  for (const auto& one : sim->platen_json({"instance", "ls"}))
    found.insert(one.at("name").get<std::string>());
  for (const auto& name : acknowledged)
    CHECK(found.count(name) == 1);
  // The one that was being written may be there or not.
  CHECK(found.size() <= acknowledged.size() + 1);
  sim->require_chain_unbroken();
}

TEST_CASE("a log directory that belongs to somebody else is refused and left as it is") {
  const auto sim = sim_world();
  const auto log = sim->data() / "log";
  fs::create_directories(log);
  std::ofstream(log / "letters.txt") << "dear reader";
  const auto before = inventory_of(log);
  const auto refused = start_on(sim->data());
  CHECK(refused.code == 1);
  CHECK(refused.err.find("letters.txt") != std::string::npos);
  CHECK(inventory_of(log) == before);
}

TEST_CASE("a copy that is not whole is refused, and the daemon says what is wrong with it") {
  const auto sim = sim_world();
  sim->start_daemon();
  sim->platen_json({"instance", "create", "--image", "any:v1", "--name", "one", "--no-start"});
  sim->stop_daemon();
  for (const auto* cut : {"MANIFEST", ".sst", "CURRENT"}) {
    INFO(cut);
    const auto copy = sim->directory().path() / "copy";
    fs::remove_all(copy);
    fs::copy(sim->data(), copy, fs::copy_options::recursive);
    for (const auto& entry : fs::directory_iterator(copy / "log"))
      if (entry.path().filename().string().find(cut) != std::string::npos)
        fs::resize_file(entry.path(), entry.file_size() / 2);
    const auto refused = start_on(copy);
    CHECK(refused.code == 1);
    CHECK(refused.err.find("the event log cannot be opened") != std::string::npos);
  }
  sim->start_daemon();
  CHECK(sim->instance("one").value("name", "") == "one");
}
