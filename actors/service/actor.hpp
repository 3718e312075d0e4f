// The service group's CAF shell: its timer. Its rules are in decide.cpp.
#pragma once

#include "actors/messages.hpp"

namespace platen::actors::service_group {

class actor : public entity<state, command> {
 public:
  // `groups` is told when it is deleted.
  actor(caf::actor_config& config, const runtime& env, caf::actor groups, state initial);

  caf::behavior make_behavior() override;
  const char* name() const override { return "service_group"; }
  void on_exit() override;

 private:
  void react(const state& before, const events::cause& why) override;
  void publish(const state_ptr& state) override;
  void converge();

  caf::actor groups_;
  effects asked_;            // the timer as it was last set
  std::uint64_t timer_ = 0;  // its number: an older one that still fires is stale
};

}  // namespace platen::actors::service_group
