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
  for (const auto says : {claim::none, other_attempt, live, dozing, asleep, kept, files, nothing}) {
    for (const auto is : {find::absent, find::dead, find::alive, find::suspended}) {
      const auto then = decide(says, is);
      // Only who needs its VM mourns it, and nothing alive is left without an owner.
      const bool may_live = says == live || says == dozing;
      const bool may_sleep = says == dozing || says == asleep;
      CHECK((then == action::adopt) == (may_live && is == find::alive));
      if (then == action::lost) CHECK((may_live || may_sleep));
      if ((may_live || may_sleep) && (is == find::absent || is == find::dead))
        CHECK(then == action::lost);
      if (is == find::alive) CHECK(then != action::none);
      if (is == find::absent) CHECK(then != action::remove);
      if (is == find::suspended) CHECK((then == action::none) == (may_sleep || says == kept));
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

TEST_CASE("P7: a template whose snapshot cannot be used here is told so") {
  world log;
  for (const auto* id : {"good", "old", "unborn"}) {
    put(log.templates, id, vm_template::lifecycle::snapshotted, 1);
    log.templates[id].ready = vm_template::snapshot{};
    log.templates[id].ready->id = std::string(id) + "-1";
  }
  put(log.templates, "unborn", vm_template::lifecycle::snapshotting, 1);
  hypervisor::inventory found;
  found.snapshots = {"good-1", "old-1", "unborn-1", "stray-1"};
  found.unusable = {{"old-1", "stale: made with QEMU 7.2, this host has 8.0"},
                    {"unborn-1", "stale: made elsewhere"},
                    {"stray-1", "stale: made elsewhere"}};
  const auto plan = reconcile(log, found);
  CHECK(plan.unusable_snapshots ==
        std::map<std::string, hypervisor::unusable_snapshot>{{"old", found.unusable[0]}});
  CHECK(plan.missing_snapshots.empty());
  CHECK(plan.remove_snapshots == std::vector<std::string>{"stray-1"});
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

TEST_CASE("P7: what sleeps is left asleep, and what only fell asleep is asked again") {
  world log;
  const auto sleeper = [&](const char* id, instance::lifecycle phase, std::uint32_t attempt,
                           std::uint32_t suspended) {
    put(log.instances, id, phase, attempt);
    log.instances[id].suspended_attempt = suspended;
  };
  using enum instance::lifecycle;
  sleeper("suspended", suspended, 1, 1);
  sleeper("standby", standby, 2, 2);
  sleeper("its memory is gone", suspended, 1, 1);
  sleeper("fell asleep", suspending, 1, 0);
  sleeper("still awake", suspending, 1, 0);
  sleeper("resuming", resuming, 2, 1);
  sleeper("could not be resumed", failed, 2, 1);
  sleeper("given up", stopped, 1, 0);

  hypervisor::inventory found;
  using hypervisor::purpose;
  found.vms = {{{"suspended", 1}, purpose::instance, false, true},
               {{"standby", 2}, purpose::instance, false, true},
               {{"fell asleep", 1}, purpose::instance, false, true},
               {{"still awake", 1}, purpose::instance, true, false},
               {{"resuming", 1}, purpose::instance, false, true},
               {{"could not be resumed", 1}, purpose::instance, false, true},
               {{"given up", 1}, purpose::instance, false, true}};
  const auto plan = reconcile(log, found);
  CHECK(plan.remove == std::vector<hypervisor::vm_ref>{{"given up", 1}});
  CHECK(plan.entities.at("suspended") == action::none);
  CHECK(plan.entities.at("standby") == action::none);
  CHECK(plan.entities.at("its memory is gone") == action::lost);
  CHECK(plan.entities.at("fell asleep") == action::none);
  CHECK(plan.entities.at("still awake") == action::adopt);
  CHECK(plan.entities.at("resuming") == action::lost);
  CHECK(plan.entities.at("could not be resumed") == action::none);
}

TEST_CASE("P7: the snapshot of an instance that converts is kept, and asked for again") {
  world log;
  put(log.instances, "done", instance::lifecycle::converting, 1);
  log.instances["done"].becomes = instance::conversion{"done-1", 0, false};
  put(log.instances, "not yet", instance::lifecycle::converting, 1);
  log.instances["not yet"].becomes = instance::conversion{"not yet-1", 0, false};
  put(log.instances, "cold", instance::lifecycle::converting, 1);
  log.instances["cold"].becomes = instance::conversion{};
  hypervisor::inventory found;
  found.vms = {{{"not yet", 1}, hypervisor::purpose::instance, true}};
  found.snapshots = {"done-1", "stray-1"};
  const auto plan = reconcile(log, found);
  CHECK(plan.remove_snapshots == std::vector<std::string>{"stray-1"});
  CHECK(plan.entities.at("done") == action::none);
  CHECK(plan.entities.at("not yet") == action::adopt);
  CHECK(plan.entities.at("cold") == action::none);
}

TEST_CASE("P7: an instance that is a template already has no claim of its own") {
  world log;
  put(log.instances, "one", instance::lifecycle::converting, 1);
  log.instances["one"].becomes = instance::conversion{"one-1", 0, false};
  put(log.templates, "one", vm_template::lifecycle::snapshotted, 1);
  log.templates["one"].ready = vm_template::snapshot{};
  log.templates["one"].ready->id = "one-1";
  hypervisor::inventory found;
  found.snapshots = {"one-1"};
  const auto plan = reconcile(log, found);
  CHECK(plan.remove_snapshots.empty());
  CHECK(plan.entities.at("one") == action::none);
  CHECK(plan.missing_snapshots.empty());
}
