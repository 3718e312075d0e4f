// Reads the log as it grows and holds everything against the invariants. The first complaint stays.
#pragma once

#include "tests/simulation/invariants.hpp"
#include "tests/simulation/trace.hpp"

namespace platen::simulation {

class checker {
 public:
  checker(const store::event_log& log, const hypervisor::sim_world& machine, trace& out)
      : machine_(machine), out_(out), oracle_(log) {}

  // Empty: nothing was found. Otherwise the invariant's name and what is wrong.
  const std::string& complaint() const { return complaint_; }

  // To be called before anything is judged by the log.
  void read_log();

  const actors::world& log() const { return oracle_.now(); }
  const oracle& events() const { return oracle_; }

  void require(const char* invariant, const simulation::complaint& wrong);

  // `plane` is null while no daemon runs.
  void after_step(const actors::control_plane* plane);
  void at_rest(const actors::control_plane& plane);
  void at_end(const actors::control_plane& plane);

 private:
  void see(const actors::world& before, const events::envelope& event);
  void show(const actors::world& before, const events::envelope& event);

  const hypervisor::sim_world& machine_;
  trace& out_;
  oracle oracle_;
  std::map<std::string, std::uint64_t> versions_;  // of the newest event of each stream
  std::string complaint_;
  bool log_changed_ = false;
};

}  // namespace platen::simulation
