// Two tenants at one daemon, with the programs and the simulated hypervisor.
#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
namespace fs = std::filesystem;

const std::string red = "the-token-of-the-red-tenant";
const std::string blue = "the-token-of-the-blue-tenant";

// A file of tokens that only its owner may read.
class tokens_file {
 public:
  explicit tokens_file(const std::string& text) : path_(directory_.write("tokens", text)) {
    fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write);
  }
  std::string path() const { return path_.string(); }

 private:
  temporary_directory directory_;
  fs::path path_;
};

finished ask(const world& at, const std::string& token, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), std::string(PLATEN_BINARY_DIR) + "/platen");
  return run(arguments, {{"PLATEN_URL", at.where().url}, {"PLATEN_TOKEN", token}});
}

json json_of(const world& at, const std::string& token, std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const auto result = ask(at, token, std::move(arguments));
  INFO(result.err);
  REQUIRE(result.code == 0);
  return json::parse(result.out);
}

}  // namespace

TEST_CASE("two tenants use the same names, and find theirs again after a kill") {
  const tokens_file tokens("red " + red + "\nblue " + blue + "\n");
  world at({"--hypervisor", "sim", "--tokens-file", tokens.path()});
  at.start_daemon();
  const std::vector<std::string> create{"instance",   "create", "--name", "one",
                                        "--template", "web",    "--from", "any:v1"};
  const auto of_red = json_of(at, red, create);
  const auto of_blue = json_of(at, blue, create);
  CHECK(of_red["name"] == "one");
  CHECK(of_red["lifecycle"] == "running");
  CHECK(of_red["uuid"] != of_blue["uuid"]);
  CHECK(of_red["template"]["uuid"] != of_blue["template"]["uuid"]);
  CHECK(at.count_events("PreparationStarted") == 2);
  at.kill_daemon();
  at.start_daemon();
  CHECK(json_of(at, red, {"instance", "get", "one"})["uuid"] == of_red["uuid"]);
  CHECK(json_of(at, blue, {"template", "get", "web"})["uuid"] == of_blue["template"]["uuid"]);
  CHECK(at.platen_json({"instance", "ls"}).empty());
  CHECK(ask(at, red, {"instance", "get", of_blue["uuid"]}).code != 0);
  const auto refused = ask(at, red, {"events"});
  CHECK(refused.code != 0);
  CHECK(refused.err.find("operator's token") != std::string::npos);
  // The operator reads in the log whose each of them is.
  CHECK(at.platen({"events"}).out.find("red/one") != std::string::npos);
  at.require_chain_unbroken();
}

TEST_CASE("a daemon does not start with a tokens file that others may read") {
  const tokens_file tokens("red " + red + "\n");
  fs::permissions(tokens.path(), fs::perms::others_read, fs::perm_options::add);
  world at({"--hypervisor", "sim", "--tokens-file", tokens.path()});
  CHECK_FALSE(at.start_daemon_with({}));
  CHECK(at.wait_for_daemon_to_end() == 1);
  CHECK(at.daemon().output().find("chmod 600") != std::string::npos);
}
