// The instance's CAF shell: its lease, orders to the hypervisor. Its rules are in decide.cpp.
#pragma once

#include "actors/messages.hpp"

namespace platen::actors::instance {

class actor : public entity<state, command> {
 public:
  actor(caf::actor_config& config, const runtime& env, caf::actor registry,
        std::shared_ptr<const state> initial);

  caf::behavior make_behavior() override;
  const char* name() const override { return "instance"; }
  void on_exit() override;

 private:
  void react(const state& before, const events::cause& why) override;
  void publish(const state_ptr& state) override;
  void on_wake(std::int64_t due_us) override;

  void on_granted(const lease_granted& message);
  void on_report(const hypervisor::report& message);
  void on_failed(std::uint32_t attempt, const hypervisor::failed& what, bool adopting);
  void on_sleep_announced(const sleep_announced& message);
  void on_begin(const begin& message);
  void on_snapshotted(std::uint32_t attempt, const hypervisor::snapshot_info& what);
  void on_signalled(std::uint32_t attempt);

  void return_lease(bool running, std::string damaged_snapshot, std::string reason);
  void converge();
  void order_vm(const effects& want);
  void remove_what_is_over(const effects& want);
  hypervisor::vm_ref vm(std::uint32_t attempt) const { return {now().id, attempt}; }
  events::cause because(events::origin source) const;

  caf::actor registry_;
  effects asked_;               // what the world was last asked for
  bool begun_ = false;          // orders may be given
  std::uint32_t adopting_ = 0;  // the attempt whose next failure means: lost with the old daemon
  std::uint32_t lost_ = 0;      // the attempt whose VM was lost with an earlier daemon
  bool force_asked_ = false;
  std::uint32_t given_up_ = 0;  // the attempt that was suspended although it was to be stopped
  std::string damage_;  // what was found wrong with the snapshot, until the failure is durable
};

}  // namespace platen::actors::instance
