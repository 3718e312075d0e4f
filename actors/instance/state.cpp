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
    enter(lifecycle::stopped);
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
    enter(lifecycle::running);
  }

  void operator()(const events::instance_stop_requested& e) {
    s_.caused_by = at_.why.request_id;
    s_.force_stop = e.force;
    s_.stop_grace_ms = e.grace_ms;
    enter(lifecycle::stopping);
  }

  void operator()(const events::instance_stopped& e) {
    s_.last_stop = stop_facts{e.by_user, e.exit_known, e.exit_code, e.reason};
    halt();
    enter(lifecycle::stopped);
  }

  void operator()(const events::instance_failed& e) {
    s_.last_failure = failure{e.stage, e.reason, e.console_tail, at_.time_us};
    halt();
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

  void operator()(const events::instance_autokilled&) {
    halt();
    enter(lifecycle::deleted);
  }

  void operator()(const events::instance_deleted&) {
    halt();
    enter(lifecycle::deleted);
  }

  template <class Other>
  void operator()(const Other&) {}

 private:
  void enter(lifecycle phase) {
    s_.phase = phase;
    s_.phase_since_us = at_.time_us;
  }

  void ask_to_start() {
    s_.requested_us = at_.time_us;
    s_.caused_by = at_.why.request_id;
    s_.restart_at_us = 0;
    if (at_.why.source == events::origin::api) s_.restarts = 0;
  }

  void begin(std::uint32_t attempt) {
    s_.attempt = attempt;
    s_.accelerator.clear();
    s_.generation_id.clear();
    s_.pid = 0;
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
    case lifecycle::stopping:
      return "stopping";
    case lifecycle::stopped:
      return "stopped";
    case lifecycle::failed:
      return "failed";
    case lifecycle::deleted:
      return "deleted";
  }
  return "unknown";
}

bool forgettable(const state& value) {
  return value.phase == lifecycle::deleted;
}

bool settled(const state& value) {
  switch (value.phase) {
    case lifecycle::running:
    case lifecycle::stopped:
    case lifecycle::failed:
    case lifecycle::deleted:
      return true;
    default:
      return false;
  }
}

namespace {

// When a stopped instance that nobody started has been kept for long enough.
std::optional<std::int64_t> autokill_at_us(const state& value) {
  const bool idle =
      value.phase == lifecycle::failed || (value.phase == lifecycle::stopped && value.attempt != 0);
  if (!idle || value.spec.autokill_ms == 0 || value.delete_lock) return std::nullopt;
  return std::max(value.phase_since_us, value.changed_us) +
         static_cast<std::int64_t>(value.spec.autokill_ms) * 1000;
}

}  // namespace

effects wanted(const state& value) {
  effects want;
  want.attempt = value.attempt;
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
      want.vm = value.snapshot_id.empty() ? vm_goal::booted : vm_goal::cloned;
      break;
    case lifecycle::stopping:
      want.vm = vm_goal::stopped;
      break;
    case lifecycle::stopped:
    case lifecycle::failed:
      want.vm = vm_goal::idle;
      want.wake_at_us =
          value.restart_at_us != 0 ? std::optional(value.restart_at_us) : autokill_at_us(value);
      break;
  }
  return want;
}

}  // namespace platen::actors::instance
