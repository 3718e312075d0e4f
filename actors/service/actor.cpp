#include "actors/service/actor.hpp"

#include "actors/replay.hpp"

namespace platen::actors::service_group {

actor::actor(caf::actor_config& config, const runtime& env, caf::actor groups,
             std::shared_ptr<const state> initial)
    : entity(config, env, service_stream, std::move(initial)), groups_(std::move(groups)) {}

caf::behavior actor::make_behavior() {
  return {
      on_append_done(),
      on_timer(),
      [this](farewell) { quit(); },
      [this](const group_ask& message) { submit(message); },
      [this](const begin&) { wake_at(wanted(now()).expires_at_us); },
  };
}

void actor::on_exit() {
  groups_ = nullptr;
  entity::on_exit();
}

void actor::publish(const state_ptr& state) {
  if (state->phase != lifecycle::deleted) return env().services.publish(state);
  env().services.retire(state);
  caf::anon_send(groups_, retired{state->id});
}

void actor::react(const state& before, const events::cause&) {
  wake_at(wanted(now()).expires_at_us);
  const bool moved = before.phase != now().phase;
  if (moved && now().phase == lifecycle::deleted) caf::anon_send(groups_, finished{now().id});
}

void actor::on_wake(std::int64_t due_us) {
  submit(expire{due_us}, {"", "platend", events::origin::timer});
}

}  // namespace platen::actors::service_group
