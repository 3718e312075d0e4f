#include "actors/template/actor.hpp"

#include "actors/replay.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors::vm_template {

namespace {

// Which stage a VM that ended by itself was in.
std::string stage_of(lifecycle phase) {
  switch (phase) {
    case lifecycle::awaiting_guest_signal:
      return "guest_signal";
    case lifecycle::snapshotting:
      return "snapshot";
    default:
      return "boot";
  }
}

}  // namespace

actor::actor(caf::actor_config& config, const runtime& env, caf::actor registry,
             std::shared_ptr<const state> initial)
    : entity(config, env, template_stream, std::move(initial)), registry_(std::move(registry)) {}

caf::behavior actor::make_behavior() {
  return {
      on_append_done(),
      on_timer(),
      [this](farewell) { quit(); },
      [this](const template_ask& message) { submit(message); },
      [this](const lease& message) { on_lease(message); },
      [this](const lease_returned& message) { on_lease_returned(message); },
      [this](const hypervisor::report& message) { on_report(message); },
      [this](const begin& message) { on_begin(message); },
      [this](const lease_granted& message) {
        submit(parent_granted{message.waiting_version, message.template_id, message.snapshot_id},
               because(events::origin::system));
      },
      [this](const lease_refused& message) {
        submit(parent_refused{message.waiting_version, message.stage, message.reason,
                              message.console_tail},
               because(events::origin::system));
      },
  };
}

void actor::on_exit() {
  for (auto& [id, waiting] : waiters_) {
    caf::anon_send(waiting.instance,
                   lease_refused{waiting.version, "template", "the daemon is stopping", ""});
  }
  waiters_.clear();
  registry_ = nullptr;
  entity::on_exit();
}

void actor::on_begin(const begin& message) {
  begun_ = true;
  if (message.adopt) {
    adopting_ = now().attempt;
    env().driver.adopt(vm(now().attempt));
    asked_.vm = vm_goal::booted;
    asked_.attempt = now().attempt;
  }
  // What the lost VM left behind goes when the next attempt begins.
  if (message.lost) asked_.attempt = lost_ = now().attempt;
  // Nothing is asked of the world for an attempt that is over: what follows the loss decides.
  if (message.lost) {
    const vm_lost lost{now().attempt, env().now_us()};
    return submit(lost, because(events::origin::reconcile));
  }
  converge();
  retire_if_done();
}

void actor::on_lease(const lease& message) {
  waiters_[message.borrower_id] =
      waiter{message.borrower, message.why, message.waiting_version, false, {}};
  ask_for_clone(message.borrower_id);
}

void actor::ask_for_clone(const std::string& instance_id) {
  auto& waiting = waiters_[instance_id];
  waiting.asked_for = now().ready ? now().ready->id : "";
  template_ask question{request_clone{instance_id, env().now_us()}, waiting.why, nullptr};
  question.done = [this, instance_id](const auto& answer) {
    if (const auto found = waiters_.find(instance_id); found != waiters_.end()) {
      found->second.decided = true;
    }
    // A refusal changes no state, so nothing else will look at the waiters.
    if (!answer) answer_waiters();
  };
  submit(std::move(question));
}

void actor::on_lease_returned(const lease_returned& message) {
  waiters_.erase(message.borrower_id);
  submit(clone_done{message.borrower_id, message.running}, message.why);
  if (!message.damaged_snapshot.empty()) {
    submit(snapshot_damaged{message.damaged_snapshot, message.reason}, message.why);
  }
}

void actor::on_report(const hypervisor::report& message) {
  const auto attempt = message.vm.attempt;
  const bool adopting = attempt != 0 && attempt == adopting_;
  if (adopting) adopting_ = 0;
  const auto lost_or_failed = [&](std::string stage, std::string reason, std::string console) {
    const auto why = because(adopting ? events::origin::reconcile : events::origin::guest);
    if (adopting) {
      submit(vm_lost{attempt, env().now_us()}, why);
    } else {
      submit(vm_failed{attempt, std::move(stage), std::move(reason), std::move(console)}, why);
    }
  };
  if (const auto* booted = std::get_if<hypervisor::booted>(&message.what)) {
    submit(vm_booted{attempt, booted->vm.accelerator, booted->vm.pid},
           because(events::origin::system));
  } else if (const auto* cloned = std::get_if<hypervisor::cloned>(&message.what)) {
    submit(vm_booted{attempt, cloned->vm.accelerator, cloned->vm.pid},
           because(events::origin::system));
  } else if (std::holds_alternative<hypervisor::signalled>(message.what)) {
    submit(vm_signalled{attempt}, because(events::origin::guest));
  } else if (const auto* done = std::get_if<hypervisor::snapshotted>(&message.what)) {
    submit(vm_snapshotted{attempt, to_event(attempt, done->snapshot)},
           because(events::origin::system));
  } else if (const auto* exited = std::get_if<hypervisor::exited>(&message.what)) {
    lost_or_failed(stage_of(now().phase), exited->reason, exited->console_tail);
  } else if (const auto* failed = std::get_if<hypervisor::failed>(&message.what)) {
    const bool current = attempt == now().attempt && now().phase == lifecycle::preparing;
    if (failed->snapshot_damaged && current && !now().parent_snapshot_id.empty()) {
      damage_ = failed->reason;
    }
    lost_or_failed(std::string(to_string(failed->where)), failed->reason, failed->console_tail);
  }
}

void actor::publish(const state_ptr& state) {
  if (gone(*state)) {
    if (!std::exchange(retired_, true)) {
      env().templates.retire(state);
      caf::anon_send(registry_, retired{state->id, true});
    }
    return;
  }
  env().templates.publish(state);
}

void actor::react(const state& before, const events::cause&) {
  if (before.phase == lifecycle::none && !now().converted_from.empty())
    caf::anon_send(registry_, taken_over{now().id});
  settle_parent_lease(before);
  answer_waiters();
  converge();
  retire_if_done();
}

// A lease of the parent is over when its clone runs, or will not be made; the hold when the
// snapshot that was made of the clone is complete.
void actor::settle_parent_lease(const state& before) {
  if (now().parent_id.empty() || before.phase == now().phase) return;
  const bool had_lease =
      before.phase == lifecycle::waiting_for_parent ||
      (before.phase == lifecycle::preparing && !before.parent_snapshot_id.empty());
  const bool preparing = now().phase == lifecycle::preparing && before.attempt == now().attempt;
  // A cold parent makes no clone: its part is done when the preparation begins.
  const bool has_lease = preparing && !now().parent_snapshot_id.empty();
  if (before.phase == lifecycle::waiting_for_parent) asked_.wants_parent = false;
  if (had_lease && !has_lease) {
    const auto damaged = damage_.empty() ? std::string() : before.parent_snapshot_id;
    return_parent_lease(preparing || now().phase == lifecycle::awaiting_guest_signal, damaged,
                        std::exchange(damage_, ""));
  }
  if (now().phase == lifecycle::snapshotted || gone(now())) {
    caf::anon_send(registry_, hold_released{now().parent_id, now().id,
                                            because(events::origin::system), now().parent_name});
  }
}

void actor::return_parent_lease(bool running, std::string damaged_snapshot, std::string reason) {
  caf::anon_send(registry_, lease_returned{now().parent_id, now().id, running,
                                           std::move(damaged_snapshot), std::move(reason),
                                           because(events::origin::system), now().parent_name});
}

// Grants what was granted, refuses what cannot be any more, and asks again for those who came while
// the template was being prepared.
void actor::answer_waiters() {
  std::vector<std::string> ask_again;
  for (auto next = waiters_.begin(); next != waiters_.end();) {
    const auto& [id, waiting] = *next;
    if (!waiting.decided) {
      ++next;
      continue;
    }
    // A grant of a snapshot that was rejected since is still in flight, but worth nothing.
    if ((now().ready || now().cold) && now().clones_in_flight.contains(id)) {
      caf::anon_send(waiting.instance,
                     lease_granted{waiting.version, now().id, now().ready ? now().ready->id : ""});
    } else if (gone(now())) {
      caf::anon_send(waiting.instance,
                     lease_refused{waiting.version, "template", "the template was deleted", ""});
    } else if (now().phase == lifecycle::preparation_failed && settled(now())) {
      const auto& why = *now().last_failure;
      caf::anon_send(waiting.instance,
                     lease_refused{waiting.version, why.stage, why.reason, why.console_tail});
    } else {
      const bool ready = now().phase == lifecycle::snapshotted;
      if (ready && waiting.asked_for != now().ready->id) ask_again.push_back(id);
      ++next;
      continue;
    }
    next = waiters_.erase(next);
  }
  for (const auto& id : ask_again)
    ask_for_clone(id);
}

void actor::converge() {
  if (!begun_) return;
  const auto want = wanted(now());
  if (adopting_ != 0 && adopting_ == want.attempt) {
    // What the VM is asked for next depends on what it turns out to be.
    wake_at(want.wake_at_us);
    return;
  }
  // Commands that came before the loss was decided on still see the lost attempt.
  const bool active = want.vm == vm_goal::booted || want.vm == vm_goal::frozen;
  if (lost_ != 0 && lost_ == want.attempt && active) return;
  if (want.wants_parent && !asked_.wants_parent) {
    caf::anon_send(registry_,
                   lease{now().parent_id, now().id, because(events::origin::system),
                         caf::actor_cast<caf::actor>(this), now().attempt, now().parent_name});
  }
  order_vm(want);
  if (asked_.keep_snapshot && asked_.keep_snapshot != want.keep_snapshot) {
    env().driver.remove_snapshot(*asked_.keep_snapshot);
  }
  wake_at(want.wake_at_us);
  asked_ = want;
}

void actor::order_vm(const effects& want) {
  const bool same_vm = asked_.attempt == want.attempt;
  if (asked_.attempt != 0 && !same_vm) env().driver.remove(vm(asked_.attempt));
  switch (want.vm) {
    case vm_goal::booted:
      if (same_vm && asked_.vm == vm_goal::booted) return;
      if (now().parent_snapshot_id.empty()) {
        env().driver.boot({vm(want.attempt), hypervisor::purpose::template_preparation,
                           to_hypervisor(now().spec, now().name)});
      } else {
        env().driver.clone(to_clone_order(vm(want.attempt),
                                          hypervisor::purpose::template_preparation,
                                          now().parent_snapshot_id, now().spec, now().name));
      }
      return;
    case vm_goal::frozen:
      if (same_vm && asked_.vm == vm_goal::frozen) return;
      env().driver.snapshot({vm(want.attempt), *want.keep_snapshot});
      return;
    case vm_goal::idle:
      return;
    case vm_goal::absent:
      if (same_vm && asked_.attempt != 0) env().driver.remove(vm(asked_.attempt));
      return;
  }
}

void actor::on_wake(std::int64_t due_us) {
  submit(wake{env().now_us(), console_tail(), due_us}, because(events::origin::timer));
}

// A deleted template stays only until nobody needs its snapshot any more.
void actor::retire_if_done() {
  if (!forgettable(now())) return;
  if (!std::exchange(finished_, true)) caf::anon_send(registry_, finished{now().id, true});
}

events::cause actor::because(events::origin source) const {
  return {now().caused_by, "platend", source};
}

std::string actor::console_tail() const {
  using kind = hypervisor::driver::log_kind;
  constexpr auto half = static_cast<std::int64_t>(events::console_tail_limit / 2);
  const auto ref = vm(now().attempt);
  auto tail = env().driver.read_log(ref, kind::console, -half, half).bytes;
  tail += env().driver.read_log(ref, kind::workload, -half, half).bytes;
  return tail;
}

}  // namespace platen::actors::vm_template
