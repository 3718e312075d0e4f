#include "actors/instance/actor.hpp"

#include "actors/replay.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors::instance {

namespace {

// What another's command brought about here.
events::cause because_of(const events::cause& why) {
  return {why.request_id, "platend", events::origin::system};
}

}  // namespace

actor::actor(caf::actor_config& config, const runtime& env, caf::actor registry,
             std::shared_ptr<const state> initial)
    : entity(config, env, instance_stream, std::move(initial)), registry_(std::move(registry)) {}

caf::behavior actor::make_behavior() {
  return {
      on_append_done(),
      on_timer(),
      [this](farewell) { quit(); },
      [this](const instance_ask& message) { submit(message); },
      [this](const hypervisor::report& message) { on_report(message); },
      [this](const begin& message) { on_begin(message); },
      [this](const lease_granted& message) { on_granted(message); },
      [this](const lease_refused& message) {
        submit(clone_refused{message.waiting_version, message.stage, message.reason,
                             message.console_tail},
               because(events::origin::system));
      },
      [this](const sleep_announced& message) { on_sleep_announced(message); },
      [this](const signal_refused& message) { env().driver.refuse_signal(vm(message.attempt)); },
  };
}

void actor::on_exit() {
  registry_ = nullptr;
  entity::on_exit();
}

void actor::on_begin(const begin& message) {
  begun_ = true;
  if (message.adopt) {
    adopting_ = now().attempt;
    env().driver.adopt(vm(now().attempt));
    asked_.vm = goal_of_running(now());
    asked_.attempt = now().attempt;
  }
  asked_.kept_attempt = now().suspended_attempt;
  // What the lost VM left behind goes when the next attempt begins.
  if (message.lost) asked_.attempt = lost_ = now().attempt;
  // Nothing is asked of the world for a life that is over: what follows the loss decides.
  if (message.lost)
    return submit(vm_lost{now().attempt, env().now_us()}, because(events::origin::reconcile));
  converge();
}

void actor::on_granted(const lease_granted& message) {
  submit(clone_granted{message.waiting_version, message.snapshot_id},
         because(events::origin::system));
}

void actor::on_report(const hypervisor::report& message) {
  const auto attempt = message.vm.attempt;
  const bool adopting = attempt != 0 && attempt == adopting_;
  if (adopting) adopting_ = 0;
  const auto running = [&](const hypervisor::running_vm& vm) {
    vm_running command{attempt, vm.accelerator, vm.pid, vm.generation_id, {}};
    for (const auto& port : vm.ports)
      command.ports.emplace_back(port.guest_port, port.host_port);
    submit(std::move(command), because(events::origin::system));
  };
  if (const auto* booted = std::get_if<hypervisor::booted>(&message.what)) {
    running(booted->vm);
  } else if (const auto* cloned = std::get_if<hypervisor::cloned>(&message.what)) {
    running(cloned->vm);
  } else if (const auto* resumed = std::get_if<hypervisor::resumed>(&message.what)) {
    running(resumed->vm);
  } else if (const auto* asleep = std::get_if<hypervisor::suspended>(&message.what)) {
    if (now().phase == lifecycle::stopping) given_up_ = attempt;
    submit(vm_suspended{attempt, asleep->state_bytes}, because(events::origin::system));
  } else if (const auto* done = std::get_if<hypervisor::snapshotted>(&message.what)) {
    on_snapshotted(attempt, done->snapshot);
  } else if (std::holds_alternative<hypervisor::signalled>(message.what)) {
    on_signalled(attempt);
  } else if (const auto* exited = std::get_if<hypervisor::exited>(&message.what)) {
    const bool ran = now().phase == lifecycle::running || now().phase == lifecycle::draining;
    if (adopting && !ran) {
      submit(vm_lost{attempt, env().now_us()}, because(events::origin::reconcile));
    } else {
      submit(vm_exited{attempt, exited->exit_known, exited->exit_code, exited->reason,
                       exited->console_tail, env().now_us()},
             because(events::origin::guest));
    }
  } else if (const auto* failed = std::get_if<hypervisor::failed>(&message.what)) {
    on_failed(attempt, *failed, adopting);
  }
}

void actor::on_snapshotted(std::uint32_t attempt, const hypervisor::snapshot_info& what) {
  const bool awaited = now().phase == lifecycle::converting && attempt == now().attempt &&
                       now().becomes->snapshot_id == what.snapshot_id;
  if (!awaited) return;
  caf::anon_send(registry_, conversion_ready{now().id, to_event(attempt, what),
                                             because(events::origin::system)});
}

// Nothing is recorded: a daemon that ends after it finds an instance that runs.
void actor::on_sleep_announced(const sleep_announced& message) {
  const bool sleeps = now().spec.notify_ms != 0 && scales_to_zero(now().spec);
  if (now().phase == lifecycle::running && sleeps)
    env().driver.announce_sleep(vm(now().attempt), message.what);
}

// The guest asks to become a template. While it is being made one there is nothing to decide; if
// that fails, the guest's write does as well.
void actor::on_signalled(std::uint32_t attempt) {
  if (attempt != now().attempt || now().phase == lifecycle::converting) return;
  convert_message wish{now().id, convert{0, attempt}, because(events::origin::guest), nullptr};
  wish.done = [self = caf::actor_cast<caf::actor>(this), attempt](const auto& result) {
    if (!result) caf::anon_send(self, signal_refused{attempt});
  };
  caf::anon_send(registry_, std::move(wish));
}

void actor::on_failed(std::uint32_t attempt, const hypervisor::failed& what, bool adopting) {
  if (adopting) {
    submit(vm_lost{attempt, env().now_us()}, because(events::origin::reconcile));
    return;
  }
  const bool current = attempt == now().attempt && now().phase == lifecycle::cloning;
  if (what.snapshot_damaged && current) damage_ = what.reason;
  submit(vm_failed{attempt, std::string(to_string(what.where)), what.reason, what.console_tail,
                   env().now_us(), what.runs_on},
         because(events::origin::system));
}

void actor::publish(const state_ptr& state) {
  if (forgettable(*state)) {
    env().instances.retire(state);
    caf::anon_send(registry_, retired{state->id});
    return;
  }
  env().instances.publish(state);
}

void actor::react(const state& before, const events::cause& why) {
  const bool moved = before.phase != now().phase;
  if (moved && before.phase == lifecycle::cloning) {
    const auto damaged = damage_.empty() ? std::string() : before.snapshot_id;
    return_lease(now().phase == lifecycle::running, damaged, std::exchange(damage_, ""));
  }
  if (moved && before.phase == lifecycle::waiting_for_template) {
    // A later start asks again. Whatever answers this lease from now on is stale.
    asked_.wants_grant = false;
    // A cold template made no clone: its part is done.
    if (now().phase != lifecycle::cloning) return_lease(now().phase == lifecycle::booting, "", "");
  }
  if (moved && before.phase == lifecycle::converting && now().phase == lifecycle::running)
    env().driver.refuse_signal(vm(now().attempt));
  if (moved && now().phase == lifecycle::stopped && given_up_ != 0 &&
      std::exchange(given_up_, 0) == now().attempt)
    env().driver.remove(vm(now().attempt));
  converge();
  if (!moved || !forgettable(now())) return;
  if (!now().template_id.empty())
    caf::anon_send(registry_, hold_released{now().template_id, now().id, because_of(why), ""});
  caf::anon_send(registry_, finished{now().id});
}

void actor::on_wake(std::int64_t due_us) {
  submit(wake{env().now_us(), due_us}, because(events::origin::timer));
}

void actor::return_lease(bool running, std::string damaged_snapshot, std::string reason) {
  caf::anon_send(registry_,
                 lease_returned{now().template_id, now().id, running, std::move(damaged_snapshot),
                                std::move(reason), because(events::origin::system), ""});
}

void actor::converge() {
  if (!begun_) return;
  const auto want = wanted(now());
  // What the VM is asked for next depends on what it turns out to be.
  if (adopting_ != 0 && adopting_ == want.attempt && want.vm != vm_goal::absent) return;
  // Commands that came before the loss was decided on still see the lost attempt.
  const bool active = want.vm != vm_goal::absent && want.vm != vm_goal::idle;
  if (lost_ != 0 && lost_ == want.attempt && active) return;
  if (want.wants_grant && !asked_.wants_grant) {
    caf::anon_send(registry_, lease{now().template_id, now().id, because(events::origin::api),
                                    caf::actor_cast<caf::actor>(this), now().wait, ""});
  }
  if (want.wants_cold_template && !asked_.wants_cold_template)
    caf::anon_send(registry_,
                   conversion_ready{now().id, std::nullopt, because(events::origin::system)});
  remove_what_is_over(want);
  order_vm(want);
  wake_at(want.wake_at_us);
  const bool asked_grant = want.wants_grant || asked_.wants_grant;
  asked_ = want;
  asked_.wants_grant = asked_grant;
}

void actor::remove_what_is_over(const effects& want) {
  // The files of an earlier life go when the next one begins, unless that goes on from them.
  const bool next_life = want.attempt > 1 && asked_.attempt != 0 && asked_.attempt < want.attempt;
  if (next_life && asked_.attempt != want.kept_attempt) env().driver.remove(vm(asked_.attempt));
  const bool given_up = asked_.kept_attempt != 0 && asked_.kept_attempt != want.kept_attempt;
  const bool gone_by_now = next_life && asked_.kept_attempt == asked_.attempt;
  const bool goes_below = want.vm == vm_goal::absent && asked_.kept_attempt == want.attempt;
  if (given_up && !gone_by_now && !goes_below) env().driver.remove(vm(asked_.kept_attempt));
  if (asked_.keep_snapshot && asked_.keep_snapshot != want.keep_snapshot)
    env().driver.remove_snapshot(*asked_.keep_snapshot);
}

void actor::order_vm(const effects& want) {
  // What runs is as it was asked for, whatever it was asked for in between.
  const bool runs = now().phase == lifecycle::running || now().phase == lifecycle::draining;
  const bool same = runs || (asked_.vm == want.vm && asked_.attempt == want.attempt);
  switch (want.vm) {
    case vm_goal::cloned:
      if (same) return;
      env().driver.clone(to_clone_order(vm(want.attempt), hypervisor::purpose::instance,
                                        now().snapshot_id, now().spec, now().name));
      return;
    case vm_goal::booted:
      if (same) return;
      env().driver.boot(
          {vm(want.attempt), hypervisor::purpose::instance, to_hypervisor(now().spec, now().name)});
      return;
    case vm_goal::resumed:
      if (same) return;
      env().driver.resume(to_resume_order(vm(want.attempt), want.kept_attempt, now().spec));
      return;
    case vm_goal::asleep:
      if (!same && now().phase == lifecycle::suspending) env().driver.suspend(vm(want.attempt));
      return;
    case vm_goal::frozen:
      if (!same) env().driver.snapshot({vm(want.attempt), *want.keep_snapshot});
      return;
    case vm_goal::stopped:
      if (same && force_asked_ == now().force_stop) return;
      force_asked_ = now().force_stop;
      if (now().force_stop) {
        env().driver.kill(vm(want.attempt));
      } else {
        env().driver.stop(vm(want.attempt), now().stop_grace_ms);
      }
      return;
    case vm_goal::idle:
      return;
    case vm_goal::absent:
      if (want.attempt != 0) env().driver.remove(vm(want.attempt));
      return;
  }
}

events::cause actor::because(events::origin source) const {
  return {now().caused_by, "platend", source};
}

}  // namespace platen::actors::instance
