#include "actors/service/actor.hpp"

#include <algorithm>

#include "actors/replay.hpp"

namespace platen::actors::service_group {

namespace {

using tick_atom = caf::atom_constant<caf::atom("tick")>;

}  // namespace

actor::actor(caf::actor_config& config, const runtime& env, caf::actor groups, state initial)
    : entity(config, env, service_stream, std::move(initial)), groups_(std::move(groups)) {}

caf::behavior actor::make_behavior() {
  return {
      on_append_done(),
      [this](farewell) { quit(); },
      [this](const group_ask& message) { submit(message); },
      [this](const begin&) { converge(); },
      [this](tick_atom, std::uint64_t timer) {
        if (timer != timer_) return;
        // Where the clock was set back there is time left: the timer is set again.
        asked_ = {};
        submit(expire{env().now_us()}, {"", "platend", events::origin::timer});
      },
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
  converge();
  const bool moved = before.phase != now().phase;
  if (moved && now().phase == lifecycle::deleted) caf::anon_send(groups_, finished{now().id});
}

void actor::converge() {
  const auto want = wanted(now());
  if (want == asked_) return;
  asked_ = want;
  ++timer_;
  if (!want.expires_at_us) return;
  const auto wait_us = std::max<std::int64_t>(*want.expires_at_us - env().now_us(), 0);
  delayed_send(this, std::chrono::microseconds(wait_us), tick_atom::value, timer_);
}

}  // namespace platen::actors::service_group
