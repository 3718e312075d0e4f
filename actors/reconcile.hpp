// After a restart: what the log wants against what the world has, as one decision table.
//
// Pure. Every combination of claim and find has exactly one row (tests/actors/reconcile_test.cpp).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "actors/replay.hpp"
#include "hypervisor/hypervisor.hpp"

namespace platen::actors {

// What the log says about one VM.
enum class claim {
  none,           // no entity has this id, or it is deleted
  other_attempt,  // the entity is at another attempt
  live,           // the entity wants this VM to run, to be frozen or to be ended in order
  dozing,         // the entity wants this VM to be suspended, and has not heard that it is
  asleep,         // the entity wants this VM to stay suspended
  kept,           // the entity may go on from this VM, which was suspended
  files,          // the entity wants only what the VM left behind
  nothing         // the entity wants nothing of this VM
};

// What the hypervisor found of it.
enum class find { absent, dead, alive, suspended };

enum class action {
  none,   // as it should be
  adopt,  // take the running VM over
  lost,   // tell the entity that its VM is gone
  remove  // end what runs, delete what is left
};

action decide(claim says, find is);

struct reconciliation {
  std::vector<hypervisor::vm_ref> remove;
  std::vector<std::string> remove_snapshots;
  std::map<std::string, action> entities;  // adopt, lost or none, for each living entity
  // Templates whose snapshot is gone although the log has it, with the snapshot's id.
  std::map<std::string, std::string> missing_snapshots;
  // Templates whose snapshot is there and cannot be used.
  std::map<std::string, hypervisor::unusable_snapshot> unusable_snapshots;
};

reconciliation reconcile(const world& log, const hypervisor::inventory& found);

}  // namespace platen::actors
