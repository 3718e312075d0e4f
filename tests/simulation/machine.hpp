// What stays when daemons come and go: the disk with the log, the VMs, the clocks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "hypervisor/sim/sim_driver.hpp"
#include "store/memory_log.hpp"
#include "store/state_cache.hpp"
#include "tests/simulation/dice.hpp"

namespace platen::simulation {

struct machine {
  store::memory_log disk;
  store::memory_state_cache states;  // what a start need not fold again
  std::shared_ptr<hypervisor::sim_world> vms = std::make_shared<hypervisor::sim_world>();

  std::int64_t up_us = 0;  // time as it passes
  std::int64_t wall_offset_us =
      1'700'000'000'000'000;  // what the wall clock shows is set by people
  std::int64_t wall_us() const { return up_us + wall_offset_us; }

  // In no order, and never the same twice.
  std::string new_id(dice& random) {
    return "x" + std::to_string(random.below(1000)) + "n" + std::to_string(++ids_given);
  }
  std::uint64_t ids_given = 0;

  // What the hypervisor does next, by the time it does it.
  std::multimap<std::int64_t, std::function<void()>> due;

  bool has_due_step() const { return !due.empty() && due.begin()->first <= up_us; }
  std::optional<std::int64_t> next_step_us() const {
    if (due.empty()) return std::nullopt;
    return due.begin()->first - up_us;
  }
  void run_due_step() {
    auto step = std::move(due.begin()->second);
    due.erase(due.begin());
    step();
  }
};

}  // namespace platen::simulation
