// A hypervisor without VMs: the driver interface in whatever time the caller keeps, with a schedule
// of faults. For tests of logic, and for trying the API with `platend --hypervisor sim`.
//
// What would survive a daemon (processes, snapshots) lives in sim_world, so that a test can end one
// driver and start the next over the same world.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "hypervisor/hypervisor.hpp"

namespace platen::hypervisor {

// Calls back after `delay_ms`, from one thread at a time. Tests pass virtual time.
using scheduler = std::function<void(std::uint64_t delay_ms, std::function<void()>)>;

struct sim_timing {
  std::uint64_t boot_ms = 50;
  std::uint64_t warm_up_ms = 100;
  std::uint64_t snapshot_ms = 20;
  std::uint64_t clone_ms = 5;
  std::uint64_t stop_ms = 5;
  std::uint64_t suspend_ms = 10;
  std::uint64_t resume_ms = 5;
  std::uint64_t crash_after_ms = 200;  // of a VM that crashes later
  std::uint64_t slow_factor = 20;      // of a VM that is slow
};

// What goes wrong with one VM; chosen by sim_world::plan when its order arrives.
enum class sim_fault {
  none,
  image_missing,        // boot fails at stage image
  crash_before_signal,  // exits while the workload warms up
  never_signals,        // boots and stays silent
  snapshot_fails,       // the disk is full; an instance runs on
  snapshot_damaged,     // a clone does not verify
  clone_fails,
  crash_while_running,  // exits right after it was reported running
  crash_later,          // exits timing.crash_after_ms after it was reported running
  suspend_fails,        // the disk is full, and it runs on
  crash_in_suspend,     // exits instead of being suspended
  resume_fails,         // the VM that is to go on does not answer; its memory is kept
  state_damaged,        // its memory does not verify when it is to go on
  signals,              // an instance: writes to template_instance once it is warm
  slow,                 // everything takes timing.slow_factor times as long
  duplicate_reports,    // says everything twice
  silent                // never reports anything
};

// What becomes of one report on its way to the daemon. The reports of one VM keep their order:
// those behind a late one wait for it.
struct delivery {
  // Arrives besides the report and in no order with it: a duplicate, or a lie.
  struct other {
    std::uint64_t after_ms = 0;
    report what;
  };

  bool lost = false;
  std::uint64_t late_ms = 0;
  std::vector<other> others;
};

struct sim_vm {
  purpose why = purpose::instance;
  bool alive = true;
  bool booted = false;
  bool signalled = false;
  bool clone = false;
  bool resumed = false;
  bool suspended = false;       // not alive then
  bool signal_refused = false;  // it has signalled, and was told no
  sim_fault fault = sim_fault::none;
  running_vm facts;
};

struct sim_world {
  sim_timing timing;
  // Decides the fault of each VM when it is ordered; none by default.
  std::function<sim_fault(const vm_ref&)> plan;
  // Decides what becomes of each report; by default it arrives at once, as it is.
  std::function<delivery(const report&)> post;
  std::map<vm_ref, sim_vm> vms;
  std::set<std::string> snapshots;
  std::vector<unusable_snapshot> unusable;  // of those, found so by the next driver that starts
  std::map<vm_ref, std::string> logs;
  std::uint64_t boots = 0;   // boot orders carried out
  std::uint64_t clones = 0;  // clone orders carried out
  std::uint64_t suspends = 0;
  std::uint64_t resumes = 0;
  std::uint64_t refused_signals = 0;
  // What living VMs were told of their sleep, in order.
  std::vector<std::pair<vm_ref, sleep_news>> sleep_notices;
};

// Reports come through `later`. Thread-safe. The world must not be used by two drivers at a time.
std::unique_ptr<driver> make_sim_driver(std::shared_ptr<sim_world> world, scheduler later);

// A scheduler with a thread of its own, for trying the API in real time. Pending calls are dropped
// when the last copy goes.
scheduler real_time_scheduler();

}  // namespace platen::hypervisor
