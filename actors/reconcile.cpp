#include "actors/reconcile.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace platen::actors {

namespace {

struct row {
  claim says;
  find is;
  action then;
};

constexpr std::array<row, 32> table{{
    {claim::none, find::absent, action::none},
    {claim::none, find::dead, action::remove},
    {claim::none, find::alive, action::remove},
    {claim::none, find::suspended, action::remove},
    {claim::other_attempt, find::absent, action::none},
    {claim::other_attempt, find::dead, action::remove},
    {claim::other_attempt, find::alive, action::remove},
    {claim::other_attempt, find::suspended, action::remove},
    {claim::live, find::absent, action::lost},
    {claim::live, find::dead, action::lost},
    {claim::live, find::alive, action::adopt},
    // It fell asleep before it was told to end.
    {claim::live, find::suspended, action::remove},
    {claim::dozing, find::absent, action::lost},
    {claim::dozing, find::dead, action::lost},
    // It is told again to sleep.
    {claim::dozing, find::alive, action::adopt},
    // Asking again yields the report that was lost.
    {claim::dozing, find::suspended, action::none},
    {claim::asleep, find::absent, action::lost},
    {claim::asleep, find::dead, action::lost},
    {claim::asleep, find::alive, action::remove},
    {claim::asleep, find::suspended, action::none},
    {claim::kept, find::absent, action::none},
    {claim::kept, find::dead, action::none},
    {claim::kept, find::alive, action::remove},
    {claim::kept, find::suspended, action::none},
    {claim::files, find::absent, action::none},
    {claim::files, find::dead, action::none},
    {claim::files, find::alive, action::remove},
    {claim::files, find::suspended, action::remove},
    {claim::nothing, find::absent, action::none},
    {claim::nothing, find::dead, action::remove},
    {claim::nothing, find::alive, action::remove},
    {claim::nothing, find::suspended, action::remove},
}};

struct claims {
  std::map<hypervisor::vm_ref, claim> vms;  // the present VM of each entity
  std::set<std::string> entities;

  void add(const std::string& id, std::uint32_t attempt, claim what) {
    vms[{id, attempt}] = what;
    entities.insert(id);
  }

  claim of(const hypervisor::vm_ref& vm) const {
    if (const auto present = vms.find(vm); present != vms.end()) return present->second;
    return entities.contains(vm.id) ? claim::other_attempt : claim::none;
  }
};

claim claim_of(const vm_template::state& entity) {
  switch (wanted(entity).vm) {
    case vm_template::vm_goal::booted:
    case vm_template::vm_goal::frozen:
      return claim::live;
    case vm_template::vm_goal::idle:
      return claim::files;
    case vm_template::vm_goal::absent:
      break;
  }
  return claim::nothing;
}

claim claim_of(const instance::state& entity) {
  switch (wanted(entity).vm) {
    case instance::vm_goal::cloned:
    case instance::vm_goal::booted:
    case instance::vm_goal::resumed:
    case instance::vm_goal::stopped:
    case instance::vm_goal::frozen:
      return claim::live;
    case instance::vm_goal::asleep:
      return entity.phase == instance::lifecycle::suspending ? claim::dozing : claim::asleep;
    case instance::vm_goal::idle:
      return claim::files;
    case instance::vm_goal::absent:
      break;
  }
  return claim::nothing;
}

claims claims_of(const world& log) {
  claims all;
  for (const auto& [id, entity] : log.templates) {
    if (gone(entity)) continue;
    all.add(id, entity.attempt, claim_of(entity));
  }
  for (const auto& [id, entity] : log.instances) {
    // One that is a template already has only to be told so.
    if (!is_there(entity) || log.templates.contains(id)) continue;
    all.add(id, entity.attempt, claim_of(entity));
    const auto kept = wanted(entity).kept_attempt;
    if (kept != 0 && kept != entity.attempt) all.vms[{id, kept}] = claim::kept;
  }
  return all;
}

find find_of(const hypervisor::found_vm& vm) {
  if (vm.alive) return find::alive;
  return vm.suspended ? find::suspended : find::dead;
}

}  // namespace

action decide(claim says, find is) {
  const auto match = std::find_if(table.begin(), table.end(), [&](const row& candidate) {
    return candidate.says == says && candidate.is == is;
  });
  return match->then;
}

reconciliation reconcile(const world& log, const hypervisor::inventory& found) {
  reconciliation plan;
  const auto claimed = claims_of(log);

  std::map<hypervisor::vm_ref, find> present;
  for (const auto& vm : found.vms) {
    present[vm.vm] = find_of(vm);
    const auto then = decide(claimed.of(vm.vm), present[vm.vm]);
    if (then == action::remove) plan.remove.push_back(vm.vm);
  }
  for (const auto& [vm, says] : claimed.vms) {
    const auto is = present.contains(vm) ? present[vm] : find::absent;
    const auto then = decide(says, is);
    if (says == claim::kept) continue;
    const bool needed = says == claim::asleep || says == claim::live;
    const bool disturbed = needed && then == action::remove;
    plan.entities[vm.id] = disturbed ? action::lost : then == action::remove ? action::none : then;
  }

  const std::set<std::string> complete(found.snapshots.begin(), found.snapshots.end());
  std::set<std::string> kept;
  for (const auto& [id, entity] : log.templates) {
    const auto keep = wanted(entity).keep_snapshot;
    if (!keep) continue;
    kept.insert(*keep);
    const bool here = complete.contains(*keep);
    if (entity.phase == vm_template::lifecycle::snapshotted && !here) {
      plan.missing_snapshots[id] = *keep;
    }
    const auto unusable = std::find_if(found.unusable.begin(), found.unusable.end(),
                                       [&](const auto& one) { return one.id == *keep; });
    if (entity.phase == vm_template::lifecycle::snapshotted && here &&
        unusable != found.unusable.end()) {
      plan.unusable_snapshots[id] = *unusable;
    }
    // The snapshot was finished but its event was not: asking for it again yields the report.
    if (entity.phase == vm_template::lifecycle::snapshotting && here) {
      plan.entities[id] = action::none;
    }
  }
  for (const auto& [id, entity] : log.instances) {
    if (!is_there(entity)) continue;
    const auto keep = wanted(entity).keep_snapshot;
    if (!keep) continue;
    kept.insert(*keep);
    if (complete.contains(*keep) && plan.entities.contains(id)) plan.entities[id] = action::none;
  }
  std::copy_if(complete.begin(), complete.end(), std::back_inserter(plan.remove_snapshots),
               [&](const std::string& id) { return !kept.contains(id); });
  return plan;
}

}  // namespace platen::actors
