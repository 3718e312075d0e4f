// Templates on templates: a clone that prepares one, with ROMs of its own, to some depth.
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "driver_world.hpp"

using namespace platen::test;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Writes a file of its own at every level, named after the level's ROM if there is one, and
// signals; tells all it has when it may no longer signal, which is when it is an instance.
std::string level_after_level() {
  return "n=0; while :; do n=$((n+1)); echo written at level $n > /level-$n; "
         "echo 1 > /uk/libukp/template_instance || break; done; "
         "echo is an instance; cat /level-* /rom-*/greeting; ls /dev | grep ukp_rom; "
         "echo and that is all; while :; do sleep 1000 & wait; done";
}

rom inline_rom(driver_world& world, const std::string& name, const std::string& text) {
  const auto made = world.roms().put({{"greeting", text + "\n"}}).value();
  return {name, "/rom-" + name, made.digest};
}

void prepare_on(driver_world& world, const std::string& below, const std::string& id,
                std::vector<rom> roms) {
  auto order = world.clone_of(below, "prep-" + id);
  order.why = purpose::template_preparation;
  order.roms = std::move(roms);
  world->clone(order);
  world.expect<cloned>(order.vm);
  world.expect<signalled>(order.vm);
}

void snapshot_as(driver_world& world, const std::string& id) {
  world->snapshot({{"prep-" + id, 1}, id});
  CHECK(world.expect<snapshotted>({"prep-" + id, 1}).snapshot.snapshot_id == id);
}

void make_level(driver_world& world, const std::string& below, const std::string& id,
                std::vector<rom> roms) {
  prepare_on(world, below, id, std::move(roms));
  snapshot_as(world, id);
}

void make_base(driver_world& world) {
  const auto order = world.preparation("prep-base", level_after_level());
  world->boot(order);
  world.expect<booted>(order.vm);
  world.expect<signalled>(order.vm);
  snapshot_as(world, "base");
}

std::string output_of_instance(driver_world& world, const std::string& snapshot,
                               const std::string& id, std::vector<rom> roms) {
  auto order = world.clone_of(snapshot, id);
  order.roms = std::move(roms);
  world->clone(order);
  world.expect<cloned>(order.vm);
  world.expect<signalled>(order.vm);
  world->refuse_signal(order.vm);
  return world.output_with(order.vm, "and that is all");
}

nlink_t names_of(const fs::path& file) {
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_nlink;
}

}  // namespace

TEST_CASE("a template on a template outlives it, and its instances have what both have", "[vm]") {
  driver_world world;
  make_base(world);
  make_level(world, "base", "function", {inline_rom(world, "function", "the function's ROM")});

  const auto log = world->read_log({"prep-base", 1}, driver::log_kind::console, 0, 65536);
  CHECK(has(log.bytes, "workload signalled"));

  const auto first = output_of_instance(world, "function", "one",
                                        {inline_rom(world, "own", "the instance's ROM")});
  for (const auto* line : {"written at level 1", "written at level 2", "written at level 3",
                           "the function's ROM", "the instance's ROM"})
    CHECK(has(first, line));

  // What both snapshots and the instance hold is there once, and stays for those that are left.
  CHECK(names_of(world.snapshot_folder("function") / "base.ext4") >= 4);
  CHECK(names_of(world.snapshot_folder("function") / "layer-0.qcow2") == 3);
  world->remove_snapshot("base");
  const auto second = output_of_instance(world, "function", "two", {});
  CHECK(has(second, "written at level 2"));
  CHECK_FALSE(has(second, "the instance's ROM"));
  CHECK(names_of(world.snapshot_folder("function") / "layer-0.qcow2") == 3);

  // A ROM that clashes with the template's is refused by name, and nothing is left of the clone.
  auto clash = world.clone_of("function", "clash");
  clash.roms = {inline_rom(world, "function", "another")};
  world->clone(clash);
  const auto refused = world.expect<failed>(clash.vm);
  CHECK(has(refused.reason, "ROM 'function' has the name of another ROM of the template"));
  CHECK_FALSE(refused.snapshot_damaged);
  CHECK_FALSE(fs::exists(world.vm_folder(clash.vm)));
}

TEST_CASE("templates nest four deep, and a preparing clone survives its daemon", "[vm]") {
  driver_world world;
  make_base(world);
  make_level(world, "base", "second", {inline_rom(world, "second", "ROM of level 2")});
  prepare_on(world, "second", "third", {inline_rom(world, "third", "ROM of level 3")});
  const auto found = world.replace_driver();
  REQUIRE(found.vms.size() == 1);
  CHECK(found.vms[0].why == purpose::template_preparation);
  CHECK(found.vms[0].alive);
  CHECK(found.snapshots.size() == 2);
  world->adopt({"prep-third", 1});
  world.expect<cloned>({"prep-third", 1});
  world.expect<signalled>({"prep-third", 1});
  snapshot_as(world, "third");
  make_level(world, "third", "fourth", {inline_rom(world, "fourth", "ROM of level 4")});
  for (const auto* below : {"base", "second", "third"})
    world->remove_snapshot(below);

  const auto output = output_of_instance(world, "fourth", "leaf", {});
  for (const auto* line : {"written at level 1", "written at level 4", "written at level 5",
                           "ROM of level 2", "ROM of level 3", "ROM of level 4"})
    CHECK(has(output, line));

  const auto found_again = world.replace_driver();
  CHECK(found_again.snapshots == std::vector<std::string>{"fourth"});
  const auto log = world->read_log({"prep-fourth", 1}, driver::log_kind::console, 0, 65536);
  CHECK(has(log.bytes, "workload signalled"));
}

TEST_CASE("eight ROMs of three kinds are there when the write returns", "[vm]") {
  driver_world world;
  const auto image = world.put_image_rom("the image's greeting\n");
  auto order = world.preparation("prep-base", level_after_level());
  const auto first = inline_rom(world, "first", "ROM number 1");
  auto raw = inline_rom(world, "raw", "not mounted");
  raw.at.clear();
  order.spec.roms = {first, {"image", "/rom-image", image}, raw};
  world->boot(order);
  world.expect<booted>(order.vm);
  world.expect<signalled>(order.vm);
  snapshot_as(world, "base");

  auto raw_image = rom{"raw_image", "", image};
  std::vector<rom> own{raw_image, first};
  for (const std::string number : {"4", "5", "6"})
    own.push_back(inline_rom(world, "n" + number, "ROM number " + number));
  const auto other_image = world.put_image_rom("another image's greeting\n");
  own.push_back({"second-image", "/rom-second-image", other_image});
  const auto output = output_of_instance(world, "base", "eight", own);
  for (const auto* line :
       {"ROM number 1", "ROM number 4", "ROM number 5", "ROM number 6", "the image's greeting",
        "another image's greeting", "ukp_rom_raw\n", "ukp_rom_raw_image\n"}) {
    INFO(line);
    CHECK(has(output, line));
  }
  CHECK_FALSE(has(output, "not mounted"));

  auto ninth = world.clone_of("base", "nine");
  own.push_back(inline_rom(world, "ninth", "one too many"));
  own.push_back(inline_rom(world, "tenth", "two too many"));
  ninth.roms = own;
  world->clone(ninth);
  CHECK(has(world.expect<failed>(ninth.vm).reason, "an instance has at most 8"));
}

TEST_CASE("what a workload said before it failed is told with its end", "[vm]") {
  driver_world world;
  const auto order = world.preparation("talks", "echo the disk is on fire >&2; exit 3");
  world->boot(order);
  world.expect<booted>(order.vm);
  const auto end = world.expect<exited>(order.vm);
  CHECK(end.exit_code == 3);
  CHECK(has(end.console_tail, "the disk is on fire"));
  CHECK(has(end.console_tail, "workload exited with code 3"));
}
