// QEMU replaced while the driver runs.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

// A QEMU of our own; it finds its modules and firmware relative to itself.
class installation {
 public:
  installation() {
    std::string pattern = (fs::temp_directory_path() / "platen-own-qemu-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    fs::create_directory(folder_ / "bin");
    for (const auto* name : {"lib", "share"})
      fs::create_directory_symlink(fs::path("/usr") / name, folder_ / name);
    fs::copy_file("/usr/bin/qemu-system-x86_64", program());
  }
  ~installation() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  fs::path program() const { return folder_ / "bin/qemu-system-x86_64"; }

  // Another build: bytes behind the end of a program are not loaded.
  void upgrade() const {
    auto fresh = program();
    fresh += ".new";
    fs::copy_file(program(), fresh);
    std::ofstream(fresh, std::ios::app) << "another build";
    fs::rename(fresh, program());
  }

 private:
  fs::path folder_;
};

}  // namespace

TEST_CASE("after an upgrade of QEMU no guest of the old one is cloned or resumed", "[vm]") {
  const installation host;
  driver_world world([&](qemu_options& options) {
    options.qemu_binary = host.program();
    options.warm_pool_bytes = 1ull << 30;
    options.warm_pool_reserve_bytes = 0;
  });
  world.make_snapshot("old");
  world.await_warm("old");
  world->clone(world.clone_of("old", "running"));
  const auto running = world.expect<cloned>({"running", 1});
  CHECK(running.vm.was_warm);
  world.await_warm("old");

  host.upgrade();
  world->clone(world.clone_of("old", "late"));
  const auto refused = world.expect<failed>({"late", 1});
  CHECK(refused.where == stage::verify);
  // Which makes the template's actor prepare it anew.
  CHECK(refused.snapshot_damaged);
  CHECK(refused.reason.find("stale: made with a QEMU binary of SHA-256 ") == 0);
  world.pool_with([](const auto& pool) { return pool.snapshots.empty(); });

  // What runs goes on, but what it would leave is of the old QEMU, too.
  CHECK(http_get(running.vm.ports.at(0).host_port, "/cgi-bin/who").find("running") == 0);
  world->suspend({"running", 1});
  world.expect<suspended>({"running", 1});
  world->resume({{"running", 2}, 1, {8080}});
  CHECK(world.expect<failed>({"running", 2}).where == stage::resume);

  world.make_snapshot("new");
  world.await_warm("new");
  world->clone(world.clone_of("new", "fresh"));
  const auto fresh = world.expect<cloned>({"fresh", 1});
  CHECK(fresh.vm.was_warm);
  CHECK(http_get(fresh.vm.ports.at(0).host_port, "/cgi-bin/who").find("fresh") == 0);
}
