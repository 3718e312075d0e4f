// The platform's own published client, @unikraft/cloud, against platend. It is fetched from the npm
// registry; without node, npm or the registry the test is skipped and says why.
#include <catch2/catch.hpp>
#include <filesystem>
#include <iostream>
#include <optional>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
namespace fs = std::filesystem;

// ctest knows a skipped test by this line.
void skip(const std::string& why) {
  std::cout << "client test skipped: " << why << std::endl;
  WARN("skipped: " << why);
}

bool is_installed(const fs::path& folder) {
  return fs::exists(folder / "node_modules" / "@unikraft" / "cloud" / "package.json");
}

// Where the script and the client lie, ready to run; nothing, said to the tester, if they cannot.
// The client stays in the build directory, so that one run of many needs the network.
std::optional<fs::path> installed_client() {
  const fs::path folder = PLATEN_CLIENT_FOLDER;
  fs::create_directories(folder);
  for (const auto* file : {"package.json", "drive.mjs"})
    fs::copy_file(fs::path(PLATEN_CLIENT_SOURCE) / file, folder / file,
                  fs::copy_options::overwrite_existing);
  for (const auto* tool : {"node", "npm"}) {
    if (run({"/bin/sh", "-c", std::string("command -v ") + tool}).code == 0) continue;
    skip(std::string(tool) + " is not installed");
    return std::nullopt;
  }
  if (is_installed(folder)) return folder;
  const auto installing =
      run({"npm", "install", "--prefix", folder.string(), "--legacy-peer-deps", "--no-audit",
           "--no-fund", "--fetch-retries=1", "--fetch-timeout=120000"});
  if (installing.code == 0 && is_installed(folder)) return folder;
  skip("npm cannot install @unikraft/cloud 0.2.0: " + installing.err);
  return std::nullopt;
}

void drive(const world& on, const std::string& real_vms) {
  const auto client = installed_client();
  if (!client) return;
  const auto to = on.where();
  const auto done =
      run({"node", (*client / "drive.mjs").string()},
          {{"UKC_TOKEN", to.token}, {"UKC_METRO", to.url}, {"PLATEN_REAL_VMS", real_vms}});
  INFO(done.out << done.err);
  REQUIRE(done.code == 0);
  CHECK(done.out.find("all steps done\n") != std::string::npos);
  CHECK(on.count_events("PreparationStarted") == 1);
  on.require_chain_unbroken();
}

}  // namespace

TEST_CASE("the published client drives the daemon, with simulated VMs") {
  world on({"--hypervisor", "sim"});
  on.start_daemon();
  drive(on, "0");
}

TEST_CASE("the published client drives the daemon, with real VMs", "[vm]") {
  const auto on = world_with_vms();
  drive(*on, "1");
}
