// Templates that are made from templates, whole: registry, actors, log, simulated hypervisor.
#include "actors/replay.hpp"
#include "tests/actors/machine.hpp"

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::testing;

namespace {

// {"a", "b"}: template a, prepared from template b, which is prepared from its image.
template_wish nested(std::vector<std::string> names) {
  template_wish wish;
  wish.which.name = names.front();
  wish.prepare = true;
  wish.create_args.emplace();
  names.erase(names.begin());
  if (names.empty()) {
    wish.create_args->image = "demo:v1";
    wish.create_args->memory_mb = 256;
  } else {
    wish.parent = std::make_shared<template_wish>(nested(std::move(names)));
  }
  return wish;
}

void create_from(daemon_life& in, const std::string& name, const template_wish& from,
                 bool autostart = true) {
  create_instance wish;
  wish.name = name;
  wish.autostart = autostart;
  wish.from = from;
  in.plane->create(wish, daemon_life::cause("create " + name), [&in, name](answer<created> result) {
    in.answers[name] = result ? "" : result.error().message;
  });
}

void delete_template(daemon_life& in, const std::string& name) {
  in.plane->delete_template(in.template_named(name)->id, daemon_life::cause("rm"),
                            [](const auto&) {});
}

}  // namespace

TEST_CASE("a nested template is made from the innermost level outward, and then exists") {
  machine m;
  auto daemon = m.boot();
  create_from(*daemon, "a", nested({"function", "worker"}));
  daemon->advance_ms(2000);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(daemon->instance_named("a")->spec.memory_mb == 256);
  CHECK(daemon->template_named("function")->parent_name == "worker");
  CHECK(daemon->template_named("worker")->clones_in_flight.empty());
  CHECK(daemon->template_named("worker")->holders.empty());
  CHECK(m.world->boots == 1);   // the worker
  CHECK(m.world->clones == 2);  // the function, the instance
  create_from(*daemon, "b", nested({"function", "worker"}));
  daemon->advance_ms(20);
  CHECK(daemon->instance_named("b")->phase == instance_phase::running);
  CHECK(m.count("TemplateRequested") == 2);
}

TEST_CASE("requests that share only the inner level share only its preparation") {
  machine m;
  auto daemon = m.boot(3);
  for (int i = 0; i < 50; ++i) {
    create_from(*daemon, "a" + std::to_string(i), nested({"red", "worker"}));
    create_from(*daemon, "b" + std::to_string(i), nested({"blue", "worker"}));
  }
  daemon->advance_ms(3000);
  CHECK(m.world->boots == 1);
  CHECK(m.count("PreparationStarted") == 3);
  CHECK(m.count("InstanceRunning") == 100);
}

TEST_CASE("a failure of an inner level reaches every waiter above with the level's name") {
  machine m;
  m.world->plan = [&](const hypervisor::vm_ref&) { return sim_fault::crash_before_signal; };
  auto daemon = m.boot();
  create_from(*daemon, "a", nested({"outer", "middle", "inner"}));
  daemon->advance_ms(1000);
  const auto failed = daemon->instance_named("a");
  REQUIRE(failed->phase == instance_phase::failed);
  CHECK(failed->last_failure->stage == "guest_signal");
  CHECK(failed->last_failure->reason ==
        "template 'middle': template 'inner': the guest's kernel panicked");
}

TEST_CASE("a template that is nested in itself, or too deep, is refused and nothing is made") {
  machine m;
  auto daemon = m.boot();
  create_from(*daemon, "a", nested({"x", "y", "x"}));
  std::vector<std::string> names;
  for (int i = 0; i < 17; ++i)
    names.push_back("level-" + std::to_string(i));
  create_from(*daemon, "b", nested(names));
  daemon->advance_ms(100);
  CHECK(daemon->answers["a"] == "the template 'x' is nested in itself");
  CHECK(daemon->answers["b"].find("nested 17 deep; the limit is 16") != std::string::npos);
  CHECK(daemon->instance_named("b") == nullptr);
  CHECK(daemon->plane->templates().empty());
}

TEST_CASE("ROMs that clash with those of a template below are refused before anything is made") {
  machine m;
  auto daemon = m.boot();
  const auto rom = [](const std::string& digest) {
    events::rom made;
    made.name = "data";
    made.at = "/mnt/data";
    made.digest = digest;
    return made;
  };
  auto wish = nested({"function", "worker"});
  wish.create_args->roms = {rom("one")};
  wish.parent->create_args->roms = {rom("two")};
  create_from(*daemon, "a", wish);
  daemon->advance_ms(10);
  CHECK(daemon->answers["a"].find("'data'") != std::string::npos);
  CHECK(daemon->plane->templates().empty());
}

TEST_CASE("a template on a cold one boots with the ROMs of both") {
  machine m;
  auto daemon = m.boot();
  auto wish = nested({"function", "worker"});
  wish.parent->prepare = false;
  events::rom rom;
  rom.name = "data";
  wish.parent->create_args->roms = {rom};
  create_from(*daemon, "a", wish);
  daemon->advance_ms(1000);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(daemon->template_named("function")->spec.roms.size() == 1);
  CHECK(daemon->template_named("worker")->clones_in_flight.empty());
  CHECK(m.world->boots == 1);
}

TEST_CASE("deleting the inner template leaves the outer one and its clones working") {
  machine m;
  auto daemon = m.boot();
  create_from(*daemon, "a", nested({"function", "worker"}));
  daemon->advance_ms(2000);
  delete_template(*daemon, "worker");
  daemon->advance_ms(10);
  CHECK(m.world->snapshots.size() == 1);
  create_from(*daemon, "b", nested({"function", "worker"}));
  daemon->advance_ms(20);
  CHECK(daemon->instance_named("b")->phase == instance_phase::running);
  CHECK(daemon->template_named("worker") == nullptr);
}

TEST_CASE("an outer template whose snapshot is lost is made again, with its parent if need be") {
  machine m;
  auto daemon = m.boot();
  create_from(*daemon, "a", nested({"function", "worker"}));
  daemon->advance_ms(2000);
  delete_template(*daemon, "worker");
  daemon->advance_ms(10);
  daemon.reset();
  m.world->snapshots.clear();
  auto second = m.boot(2);
  second->advance_ms(10);
  create_from(*second, "b", nested({"function", "worker"}));
  second->advance_ms(3000);
  CHECK(second->instance_named("b")->phase == instance_phase::running);
  CHECK(second->template_named("worker"));
}

TEST_CASE("P1 P3 P7: a daemon that dies while levels are made finishes them in its next life") {
  for (std::int64_t dies_after = 0; dies_after <= 480; dies_after += 12) {
    for (unsigned seed = 1; seed <= 2; ++seed) {
      INFO("dies after " << dies_after << " ms, seed " << seed);
      machine m;
      auto first = m.boot(seed);
      create_from(*first, "a", nested({"function", "worker"}));
      first->advance_ms(dies_after);
      const bool acknowledged = first->answers.contains("a");
      first.reset();
      auto second = m.boot(seed + 100);
      second->advance_ms(3000);
      CHECK(second->fatal.empty());
      if (!acknowledged) continue;
      CHECK(second->instance_named("a")->phase == instance_phase::running);
      CHECK(second->template_named("worker")->clones_in_flight.empty());
      CHECK(second->template_named("worker")->holders.empty());
      CHECK(second->template_named("function")->clones_in_flight.empty());
      CHECK(m.world->snapshots.size() == 2);
    }
  }
}

TEST_CASE("an anonymous template lives as long as the one instance that was made of it") {
  machine m;
  auto daemon = m.boot();
  auto wish = nested({""});
  create_from(*daemon, "a", wish);
  create_from(*daemon, "b", wish);
  daemon->advance_ms(1000);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(daemon->plane->templates().empty());
  CHECK(m.count("TemplateRequested") == 2);
  CHECK(m.world->snapshots.size() == 2);
  daemon->plane->delete_instance(daemon->instance_named("a")->id, daemon_life::cause("rm"),
                                 [](const auto&) {});
  daemon->advance_ms(10);
  CHECK(m.world->snapshots.size() == 1);
}

TEST_CASE("instances of a cold template boot from what it says") {
  machine m;
  auto daemon = m.boot();
  auto wish = nested({"cold"});
  wish.prepare = false;
  create_from(*daemon, "a", wish);
  daemon->advance_ms(500);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(daemon->template_named("cold")->phase == template_phase::cold);
  CHECK(daemon->template_named("cold")->clones_in_flight.empty());
  CHECK(m.world->clones == 0);
  CHECK(m.count("PreparationStarted") == 0);
  daemon.reset();
  auto second = m.boot(2);
  second->advance_ms(100);
  CHECK(second->instance_named("a")->phase == instance_phase::running);
  CHECK(m.count("InstanceBootStarted") == 1);
}

TEST_CASE("strict mode refuses other create_args under a name that exists") {
  machine m;
  m.how.strict_templates = true;
  auto daemon = m.boot();
  create_from(*daemon, "a", nested({"web"}));
  auto other = nested({"web"});
  other.create_args->memory_mb = 512;
  create_from(*daemon, "b", other);
  daemon->advance_ms(1000);
  CHECK(daemon->answers["a"].empty());
  CHECK(daemon->answers["b"].find("'memory_mb'") != std::string::npos);
}
