#include "actors/instance/state.hpp"

#include <algorithm>
#include <utility>

namespace platen::actors::instance {

namespace {

class folder {
 public:
  folder(state& s, const events::envelope& at) : s_(s), at_(at) {}

  void operator()(const events::instance_requested& e) {
    s_.name = e.name;
    s_.template_id = e.template_id;
    s_.template_name = e.template_name;
    s_.spec = *e.spec;
    s_.service_group_id = e.service_group_id;
    s_.created_us = at_.time_us;
    // A start follows in the same append where one is wanted.
    s_.standby = !e.autostart && scales_to_zero(s_.spec) && !e.service_group_id.empty();
    enter(s_.standby ? lifecycle::standby : lifecycle::stopped);
  }

  void operator()(const events::instance_start_requested&) {
    s_.wait = at_.version;
    ask_to_start();
    enter(lifecycle::waiting_for_template);
  }

  void operator()(const events::instance_clone_started& e) {
    begin(e.attempt);
    s_.snapshot_id = e.snapshot_id;
    enter(lifecycle::cloning);
  }

  void operator()(const events::instance_boot_started& e) {
    // An instance of a cold template asked before.
    if (s_.phase != lifecycle::waiting_for_template) ask_to_start();
    begin(e.attempt);
    s_.snapshot_id.clear();
    enter(lifecycle::booting);
  }

  void operator()(const events::instance_running& e) {
    s_.accelerator = e.accelerator;
    s_.pid = e.pid;
    s_.generation_id = e.generation_id;
    s_.spec.services = e.services;
    s_.started_us = at_.time_us;
    ++s_.start_count;
    s_.last_failure.reset();
    forget_suspended_state();
    enter(lifecycle::running);
  }

  void operator()(const events::instance_drain_started& e) {
    s_.caused_by = at_.why.request_id;
    s_.last_setback.reset();
    s_.drain = draining{e.until_us, e.suspend, e.grace_ms};
    enter(lifecycle::draining);
  }

  void operator()(const events::instance_requests_counted& e) { s_.requests_served = e.requests; }

  void operator()(const events::instance_suspend_requested& e) {
    s_.standby = e.standby;
    // Of one that sleeps already it only says what wakes it.
    if (has_suspended_state(s_)) return enter(sleeping_phase());
    take_cause();
    s_.last_setback.reset();
    enter(lifecycle::suspending);
  }

  void operator()(const events::instance_suspended& e) {
    s_.suspended_attempt = e.attempt;
    s_.suspended_bytes = e.state_bytes;
    halt();
    enter(sleeping_phase());
  }

  void operator()(const events::instance_suspend_failed& e) { go_on(e.stage, e.reason); }

  void operator()(const events::instance_resume_started& e) {
    ask_to_start();
    begin(e.attempt);
    s_.resumed_from = e.suspended_attempt;
    enter(lifecycle::resuming);
  }

  void operator()(const events::instance_conversion_requested& e) {
    s_.caused_by = at_.why.request_id;
    s_.last_setback.reset();
    s_.restart_at_us = 0;
    s_.becomes = conversion{e.snapshot_id, e.autokill_ms, e.by_guest};
    enter(lifecycle::converting);
  }

  void operator()(const events::instance_conversion_failed& e) { go_on(e.stage, e.reason); }

  void operator()(const events::instance_converted&) {
    halt();
    enter(lifecycle::converted);
  }

  void operator()(const events::instance_stop_requested& e) {
    take_cause();
    s_.force_stop = e.force;
    s_.stop_grace_ms = e.grace_ms;
    s_.standby = e.standby;
    enter(lifecycle::stopping);
  }

  void operator()(const events::instance_stopped& e) {
    s_.last_stop = stop_facts{e.by_user, e.exit_known, e.exit_code, e.reason};
    const bool sleeps = s_.phase == lifecycle::stopping && s_.standby;
    halt();
    forget_suspended_state();
    enter(sleeps ? lifecycle::standby : lifecycle::stopped);
  }

  void operator()(const events::instance_failed& e) {
    s_.last_failure = failure{e.stage, e.reason, e.console_tail, at_.time_us};
    halt();
    // What could not be resumed may be resumed yet; a state that is damaged may not.
    if (s_.phase != lifecycle::resuming || e.stage != "resume") forget_suspended_state();
    enter(lifecycle::failed);
  }

  void operator()(const events::instance_restart_scheduled& e) {
    s_.restarts = e.restart;
    s_.restart_at_us = e.not_before_us;
  }

  void operator()(const events::instance_changed& e) {
    // A port that is forwarded stays so until the VM ends.
    auto services = std::move(s_.spec.services);
    s_.spec = *e.spec;
    s_.spec.services = std::move(services);
    s_.delete_lock = e.delete_lock;
    s_.changed_us = at_.time_us;
  }

  void operator()(const events::instance_autokilled&) { end(); }
  void operator()(const events::instance_deleted&) { end(); }

  template <class Other>
  void operator()(const Other&) {}

 private:
  // What follows a drain is the doing of whoever asked for the drain.
  void take_cause() {
    if (s_.phase == lifecycle::draining && at_.why.request_id.empty()) return;
    s_.caused_by = at_.why.request_id;
  }

  void enter(lifecycle phase) {
    s_.phase = phase;
    s_.phase_since_us = at_.time_us;
    const bool sleepy = phase == lifecycle::suspending || phase == lifecycle::stopping ||
                        phase == lifecycle::standby;
    s_.standby = s_.standby && sleepy;
    if (phase != lifecycle::converting && phase != lifecycle::converted) s_.becomes.reset();
    if (phase != lifecycle::draining) s_.drain.reset();
  }

  void ask_to_start() {
    s_.requested_us = at_.time_us;
    s_.caused_by = at_.why.request_id;
    s_.restart_at_us = 0;
    s_.last_setback.reset();
    if (at_.why.source == events::origin::api) s_.restarts = 0;
  }

  void begin(std::uint32_t attempt) {
    s_.attempt = attempt;
    s_.accelerator.clear();
    s_.generation_id.clear();
    s_.pid = 0;
    s_.resumed_from = 0;
  }

  lifecycle sleeping_phase() const {
    return s_.standby ? lifecycle::standby : lifecycle::suspended;
  }

  void forget_suspended_state() {
    s_.suspended_attempt = 0;
    s_.suspended_bytes = 0;
  }

  // As if nothing had been asked of its VM.
  void go_on(const std::string& stage, const std::string& reason) {
    s_.last_setback = failure{stage, reason, "", at_.time_us};
    enter(s_.becomes && s_.becomes->snapshot_id.empty() ? lifecycle::stopped : lifecycle::running);
  }

  void end() {
    halt();
    forget_suspended_state();
    enter(lifecycle::deleted);
  }

  void halt() {
    s_.pid = 0;
    s_.restart_at_us = 0;
    s_.stopped_us = at_.time_us;
    for (auto& service : s_.spec.services)
      service.host_port = 0;
  }

  state& s_;
  const events::envelope& at_;
};

}  // namespace

void fold_into(state& value, const events::envelope& event) {
  value.version = event.version;
  // So that a state may be forgotten: nothing that follows would bring it back.
  if (!forgettable(value)) std::visit(folder(value, event), event.what);
}

state evolve(state before, const events::envelope& event) {
  fold_into(before, event);
  return before;
}

std::string_view to_string(lifecycle value) {
  switch (value) {
    case lifecycle::none:
      return "none";
    case lifecycle::waiting_for_template:
      return "waiting_for_template";
    case lifecycle::cloning:
      return "cloning";
    case lifecycle::booting:
      return "booting";
    case lifecycle::running:
      return "running";
    case lifecycle::draining:
      return "draining";
    case lifecycle::stopping:
      return "stopping";
    case lifecycle::stopped:
      return "stopped";
    case lifecycle::failed:
      return "failed";
    case lifecycle::suspending:
      return "suspending";
    case lifecycle::suspended:
      return "suspended";
    case lifecycle::standby:
      return "standby";
    case lifecycle::resuming:
      return "resuming";
    case lifecycle::converting:
      return "converting";
    case lifecycle::converted:
      return "converted";
    case lifecycle::deleted:
      return "deleted";
  }
  return "unknown";
}

bool forgettable(const state& value) {
  return value.phase == lifecycle::deleted || value.phase == lifecycle::converted;
}

bool is_there(const state& value) {
  return value.phase != lifecycle::none && !forgettable(value);
}

bool has_suspended_state(const state& value) {
  switch (value.phase) {
    case lifecycle::suspended:
    case lifecycle::standby:
    case lifecycle::failed:
      return value.suspended_attempt != 0;
    default:
      return false;
  }
}

bool scales_to_zero(const events::vm_spec& spec) {
  return spec.scale_to_zero == "on" || spec.scale_to_zero == "idle";
}

bool settled(const state& value) {
  switch (value.phase) {
    case lifecycle::running:
    case lifecycle::stopped:
    case lifecycle::failed:
    case lifecycle::suspended:
    case lifecycle::standby:
    case lifecycle::converted:
    case lifecycle::deleted:
      return true;
    default:
      return false;
  }
}

namespace {

// When a stopped instance that nobody started has been kept for long enough.
std::optional<std::int64_t> autokill_at_us(const state& value) {
  const bool idle = value.phase == lifecycle::failed || value.phase == lifecycle::suspended ||
                    (value.phase == lifecycle::stopped && value.attempt != 0);
  if (!idle || value.spec.autokill_ms == 0 || value.delete_lock) return std::nullopt;
  return std::max(value.phase_since_us, value.changed_us) +
         static_cast<std::int64_t>(value.spec.autokill_ms) * 1000;
}

}  // namespace

vm_goal goal_of_running(const state& value) {
  if (value.resumed_from != 0) return vm_goal::resumed;
  return value.snapshot_id.empty() ? vm_goal::booted : vm_goal::cloned;
}

effects wanted(const state& value) {
  effects want;
  want.attempt = value.attempt;
  want.kept_attempt = value.suspended_attempt;
  switch (value.phase) {
    case lifecycle::none:
    case lifecycle::deleted:
      want.vm = vm_goal::absent;
      break;
    case lifecycle::waiting_for_template:
      want.vm = vm_goal::idle;
      want.wants_grant = true;
      break;
    case lifecycle::cloning:
      want.vm = vm_goal::cloned;
      break;
    case lifecycle::booting:
      want.vm = vm_goal::booted;
      break;
    case lifecycle::running:
    case lifecycle::resuming:
      want.vm = goal_of_running(value);
      break;
    case lifecycle::draining:
      want.vm = goal_of_running(value);
      want.wake_at_us = value.drain->until_us;
      break;
    case lifecycle::stopping:
      want.vm = vm_goal::stopped;
      break;
    case lifecycle::suspending:
      want.vm = vm_goal::asleep;
      break;
    case lifecycle::suspended:
    case lifecycle::standby:
      want.vm = has_suspended_state(value) ? vm_goal::asleep : vm_goal::idle;
      want.wake_at_us = autokill_at_us(value);
      break;
    case lifecycle::stopped:
    case lifecycle::failed:
      want.vm = vm_goal::idle;
      want.wake_at_us =
          value.restart_at_us != 0 ? std::optional(value.restart_at_us) : autokill_at_us(value);
      break;
    case lifecycle::converting:
      want.wants_cold_template = value.becomes->snapshot_id.empty();
      want.vm = want.wants_cold_template ? vm_goal::idle : vm_goal::frozen;
      if (!want.wants_cold_template) want.keep_snapshot = value.becomes->snapshot_id;
      break;
    case lifecycle::converted:
      // What the VM left behind is the template's; of one that was stopped nothing is.
      want.vm = value.becomes->snapshot_id.empty() ? vm_goal::absent : vm_goal::idle;
      if (!value.becomes->snapshot_id.empty()) want.keep_snapshot = value.becomes->snapshot_id;
      break;
  }
  return want;
}

}  // namespace platen::actors::instance
