#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

// Turns over one byte in the middle.
void damage(const fs::path& file) {
  const auto middle = static_cast<std::streamoff>(fs::file_size(file) / 2);
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(middle);
  const char old = static_cast<char>(bytes.get());
  bytes.seekp(middle);
  bytes.put(static_cast<char>(~old));
}

void undo_damage(const fs::path& file) {
  damage(file);
}

void check_never_runs(driver_world& world, const std::string& id, const std::string& file) {
  world->clone(world.clone_of("whole", id));
  const auto what = world.expect<failed>({id, 1});
  INFO(what.reason);
  CHECK(what.where == stage::verify);
  CHECK(what.snapshot_damaged);
  CHECK(what.reason.find(file) != std::string::npos);
  CHECK_FALSE(fs::exists(world.vm_folder({id, 1})));
}

}  // namespace

TEST_CASE("a snapshot with one changed byte is never run", "[vm]") {
  driver_world world;
  world.make_snapshot("whole");
  const auto folder = world.snapshot_folder("whole");
  world->clone(world.clone_of("whole", "sound"));
  world.expect<cloned>({"sound", 1});

  for (const std::string name : {"memory", "state", "disk.qcow2", "base.ext4", "manifest.json"}) {
    INFO(name);
    damage(folder / name);
    check_never_runs(world, "victim-" + name.substr(0, name.find('.')), name);
    undo_damage(folder / name);
  }
  // Whole again: what was refused was the damage.
  world->clone(world.clone_of("whole", "sound-again"));
  world.expect<cloned>({"sound-again", 1});

  damage(folder / "state");
  world.replace_driver();
  check_never_runs(world, "after-restart", "state");
  undo_damage(folder / "state");

  fs::resize_file(folder / "memory", fs::file_size(folder / "memory") - 4096);
  check_never_runs(world, "cut-short", "memory");
  // QEMU would make a file of zeros and report success.
  fs::remove(folder / "memory");
  check_never_runs(world, "missing", "memory");
}
