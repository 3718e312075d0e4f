// A clone that waits for its order: QEMU has loaded the snapshot's state, the guest stands still.
// It has no identity yet, no forwarded ports and no ROMs but its template's.
#pragma once

#include <filesystem>

#include "hypervisor/qemu/agent.hpp"
#include "hypervisor/qemu/qmp.hpp"
#include "hypervisor/qemu/vm_files.hpp"

namespace platen::hypervisor::qemu {

struct warm_clone {
  std::string snapshot_id;
  std::filesystem::path path;  // its directory in the pool
  launched_vm vm;
  qmp_client qmp;      // connected
  agent_client agent;  // connected
  bool was_greeted = false;
  std::uint64_t bytes = 0;
};

// The functions below block and run on a pool.

// QEMU in a new directory of the pool, with everything but the state loaded.
struct launched_warm {
  launched_vm vm;
  bool waits_in_write = false;  // its guest's workload waits for `Resume`
};
tl::expected<launched_warm, failure> launch_warm(vm_host& host, const std::string& snapshot_id);

// Checks the snapshot once more and makes the clone's directory that of the VM: its record, its
// ROMs, its place. Up to the last step, a rename, the next daemon finds a clone of the pool, which
// it ends; afterwards a VM.
struct named_clone {
  vm_record record;
  std::vector<placed_rom> added_roms;
};
tl::expected<named_clone, failure> become_vm(vm_host& host, const clone_order& order,
                                             const std::filesystem::path& path, vm_record record);

// Ends what waits in the pool's directory, under this daemon or an earlier one, and empties it.
void empty_pool(const std::filesystem::path& pool);

}  // namespace platen::hypervisor::qemu
