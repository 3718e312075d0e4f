// The service group's CAF shell: its timer. Its rules are in decide.cpp.
#pragma once

#include "actors/messages.hpp"

namespace platen::actors::service_group {

class actor : public entity<state, command> {
 public:
  // `groups` is told when it is deleted.
  actor(caf::actor_config& config, const runtime& env, caf::actor groups,
        std::shared_ptr<const state> initial);

  caf::behavior make_behavior() override;
  const char* name() const override { return "service_group"; }
  void on_exit() override;

 private:
  void react(const state& before, const events::cause& why) override;
  void publish(const state_ptr& state) override;
  void on_wake(std::int64_t due_us) override;

  caf::actor groups_;
};

}  // namespace platen::actors::service_group
