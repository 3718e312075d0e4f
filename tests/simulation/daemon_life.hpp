// One life of a daemon: the real control plane on a machine that outlives it.
#pragma once

#include "actors/control_plane.hpp"
#include "tests/simulation/actor_host.hpp"
#include "tests/simulation/checker.hpp"
#include "tests/simulation/life_log.hpp"
#include "tests/simulation/machine.hpp"

namespace platen::simulation {

class daemon_life {
 public:
  daemon_life(machine& on, actor_host& host, const weather& now, dice& random, checker& judge,
              trace& out);
  // As kill(), unless it has ended.
  ~daemon_life();
  daemon_life(const daemon_life&) = delete;
  daemon_life& operator=(const daemon_life&) = delete;

  // Null once it has ended, and if it did not start.
  actors::control_plane* plane() { return plane_.get(); }
  life_log& log() { return log_; }

  // The control plane asked to be ended, because its log failed.
  bool failed() const { return failed_; }

  // As SIGKILL does: nothing is recorded, what was on its way is lost.
  void kill();

  // As SIGTERM does: what is queued is written, everybody is answered, VMs go on.
  void stop();

 private:
  machine& machine_;
  actor_host& host_;
  life_log log_;
  std::unique_ptr<hypervisor::driver> driver_;
  std::unique_ptr<actors::control_plane> plane_;
  bool failed_ = false;
  bool ended_ = false;
};

}  // namespace platen::simulation
