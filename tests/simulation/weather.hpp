// What may go wrong in one simulation, and how often. Each seed draws its own: a run in which
// everything goes wrong at once would not get far enough to find what needs a long quiet stretch.
#pragma once

#include <cstdint>

#include "hypervisor/sim/sim_driver.hpp"
#include "tests/simulation/dice.hpp"

namespace platen::simulation {

struct weather {
  // In a thousand VMs, reports, appends, or steps.
  std::uint64_t bad_vms = 0;
  std::uint64_t late_reports = 0;
  std::uint64_t lost_reports = 0;
  std::uint64_t repeated_reports = 0;
  std::uint64_t lying_reports = 0;
  std::uint64_t held_commits = 0;
  std::uint64_t busy_log = 0;
  std::uint64_t kills = 0;
  std::uint64_t clean_stops = 0;
  std::uint64_t disk_failures = 0;
  std::uint64_t clock_jumps = 0;
  std::uint64_t vm_deaths = 0;    // VMs that die while a daemon runs or is away
  std::uint64_t bookkeeping = 0;  // the cache of states is brought up to date

  // Some of it can make an entity wait for what never comes: only the next daemon gets it going.
  bool needs_a_restart() const { return bad_vms + lost_reports + vm_deaths != 0; }
};

weather draw_weather(dice& random);

// What goes wrong with the next VM, and what becomes of the next report.
hypervisor::sim_fault next_fault(const weather& now, dice& random);
hypervisor::delivery next_delivery(const weather& now, dice& random,
                                   const hypervisor::report& what);

}  // namespace platen::simulation
