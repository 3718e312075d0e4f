#include <catch2/catch.hpp>

#include "actors/reconcile.hpp"

namespace {

using namespace platen;
using namespace platen::actors;

template <class State>
void put(actors::by_uuid<State>& into, const std::string& id, auto phase, std::uint32_t attempt) {
  State entity;
  entity.id = id;
  entity.phase = phase;
  entity.attempt = attempt;
  into[id] = entity;
}

}  // namespace

TEST_CASE("P7: every claim and every find have exactly one consequence") {
  using enum claim;
  for (const auto says : {claim::none, other_attempt, live, files, nothing}) {
    for (const auto is : {find::absent, find::dead, find::alive}) {
      const auto then = decide(says, is);
      // Only a live claim is adopted or mourned, and nothing alive is left without an owner.
      CHECK((then == action::adopt) == (says == live && is == find::alive));
      CHECK((then == action::lost) == (says == live && is != find::alive));
      if (is == find::alive) CHECK(then != action::none);
      if (is == find::absent) CHECK(then != action::remove);
    }
  }
}

TEST_CASE("P7: processes and snapshots without an owner are removed, owned ones are adopted") {
  world log;
  put(log.instances, "running", instance::lifecycle::running, 2);
  put(log.instances, "stopped", instance::lifecycle::stopped, 1);
  put(log.instances, "deleted", instance::lifecycle::deleted, 1);
  put(log.templates, "waiting", vm_template::lifecycle::awaiting_guest_signal, 1);
  put(log.templates, "ready", vm_template::lifecycle::snapshotted, 1);
  log.templates["ready"].ready = vm_template::snapshot{};
  log.templates["ready"].ready->id = "ready-1";
  put(log.templates, "gone", vm_template::lifecycle::snapshotted, 1);
  log.templates["gone"].ready = vm_template::snapshot{};
  log.templates["gone"].ready->id = "gone-1";

  hypervisor::inventory found;
  using hypervisor::purpose;
  found.vms = {{{"running", 1}, purpose::instance, true},
               {{"running", 2}, purpose::instance, true},
               {{"stopped", 1}, purpose::instance, false},
               {{"deleted", 1}, purpose::instance, true},
               {{"nobody", 1}, purpose::instance, false}};
  found.snapshots = {"ready-1", "stray-3"};

  const auto plan = reconcile(log, found);
  CHECK(plan.remove ==
        std::vector<hypervisor::vm_ref>{{"running", 1}, {"deleted", 1}, {"nobody", 1}});
  CHECK(plan.entities.at("running") == action::adopt);
  CHECK(plan.entities.at("stopped") == action::none);
  CHECK(plan.entities.at("waiting") == action::lost);
  CHECK(plan.entities.at("ready") == action::none);
  CHECK(plan.remove_snapshots == std::vector<std::string>{"stray-3"});
  CHECK(plan.missing_snapshots == std::map<std::string, std::string>{{"gone", "gone-1"}});
}

TEST_CASE("P7: a snapshot finished just before the crash is asked for again, not made again") {
  world log;
  put(log.templates, "t", vm_template::lifecycle::snapshotting, 3);
  hypervisor::inventory found;
  found.snapshots = {"t-3"};
  const auto plan = reconcile(log, found);
  CHECK(plan.entities.at("t") == action::none);
  CHECK(plan.remove_snapshots.empty());
}
