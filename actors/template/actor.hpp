// The template's CAF shell: waiters, orders to the hypervisor, timers. Its rules are in decide.cpp.
#pragma once

#include <map>

#include "actors/messages.hpp"

namespace platen::actors::vm_template {

class actor : public entity<state, command> {
 public:
  actor(caf::actor_config& config, const runtime& env, caf::actor registry,
        std::shared_ptr<const state> initial);

  caf::behavior make_behavior() override;
  const char* name() const override { return "template"; }
  void on_exit() override;

 private:
  struct waiter {
    caf::actor instance;
    events::cause why;
    std::uint64_t version = 0;  // of the instance, to be repeated in the answer
    bool decided = false;       // its request was processed: what follows from it is an answer
    std::string asked_for;      // the snapshot it was last asked for
  };

  void react(const state& before, const events::cause& why) override;
  void publish(const state_ptr& state) override;
  void on_wake(std::int64_t due_us) override;

  void on_lease(const lease& message);
  void return_parent_lease(bool running, std::string damaged_snapshot, std::string reason);
  void settle_parent_lease(const state& before);
  void on_lease_returned(const lease_returned& message);
  void on_report(const hypervisor::report& message);
  void on_begin(const begin& message);

  void ask_for_clone(const std::string& instance_id);
  void answer_waiters();
  void converge();
  void order_vm(const effects& want);
  void retire_if_done();
  std::string console_tail() const;
  events::cause because(events::origin source) const;
  hypervisor::vm_ref vm(std::uint32_t attempt) const { return {now().id, attempt}; }

  caf::actor registry_;
  std::map<std::string, waiter> waiters_;  // by instance id
  effects asked_;                          // what the hypervisor was last asked for
  bool begun_ = false;                     // orders may be given
  std::uint32_t adopting_ = 0;  // the attempt whose next failure means: lost with the old daemon
  std::uint32_t lost_ = 0;      // the attempt whose VM was lost with an earlier daemon
  std::string damage_;          // of the parent's snapshot, until the failure is durable
  bool retired_ = false;
  bool finished_ = false;
};

}  // namespace platen::actors::vm_template
