#include "actors/template/state.hpp"

#include <algorithm>
#include <utility>

#include "hypervisor/hypervisor.hpp"

namespace platen::actors::vm_template {

namespace {

// Folds one event; overloads exist for the events of a template's stream, everything else is
// passed over by the catch-all.
class folder {
 public:
  folder(state& s, const events::envelope& at) : s_(s), at_(at) {}

  void operator()(const events::template_requested& e) {
    s_.name = e.name;
    s_.spec = *e.spec;
    s_.fingerprint = e.fingerprint;
    s_.prepare_timeout_ms = e.prepare_timeout_ms;
    s_.autokill_ms = e.autokill_ms;
    s_.cold = e.cold;
    s_.converted_from = e.converted_from;
    s_.parent_id = e.parent_id;
    s_.parent_name = e.parent_name;
    s_.created_us = at_.time_us;
    enter(e.cold ? lifecycle::cold : lifecycle::requested);
  }

  void operator()(const events::preparation_scheduled& e) { s_.retry_at_us = e.not_before_us; }

  void operator()(const events::parent_requested& e) {
    begin(e.attempt, e.deadline_us);
    enter(lifecycle::waiting_for_parent);
  }

  void operator()(const events::preparation_started& e) {
    begin(e.attempt, e.deadline_us);
    s_.parent_snapshot_id = e.parent_snapshot_id;
    if (!e.parent_id.empty()) s_.parent_id = e.parent_id;
    enter(lifecycle::preparing);
  }

  void operator()(const events::template_guest_booted& e) {
    s_.accelerator = e.accelerator;
    s_.pid = e.pid;
    enter(lifecycle::awaiting_guest_signal);
  }

  void operator()(const events::guest_signalled&) { enter(lifecycle::snapshotting); }

  void operator()(const events::template_snapshotted& e) {
    s_.ready = snapshot{e.snapshot_id, e.accelerator, e.manifest_sha256, e.memory_bytes,
                        e.state_bytes, e.disk_bytes,  at_.time_us};
    // A converted one goes on with the attempts of the instance it was.
    s_.attempt = e.attempt;
    s_.consecutive_failures = 0;
    s_.last_failure.reset();
    s_.deadline_us = 0;
    s_.pid = 0;
    enter(lifecycle::snapshotted);
  }

  void operator()(const events::preparation_failed& e) {
    fail({e.attempt, e.stage, e.reason, e.console_tail, at_.time_us, e.retry_after_ms});
  }

  void operator()(const events::snapshot_rejected& e) {
    s_.ready.reset();
    // Of a template that is gone no other snapshot will be made.
    if (!gone(s_)) fail({e.attempt, "verify", e.reason, "", at_.time_us, 0});
  }

  void operator()(const events::clone_granted& e) {
    s_.clones_in_flight.insert(e.instance_id);
    s_.holders.insert(e.instance_id);
    s_.last_clone_us = at_.time_us;
  }

  void operator()(const events::clone_finished& e) {
    s_.clones_in_flight.erase(e.instance_id);
    if (e.running) ++s_.clones_made;
  }

  void operator()(const events::template_held& e) { s_.holders.insert(e.by); }
  void operator()(const events::template_released& e) { s_.holders.erase(e.by); }

  void operator()(const events::template_changed& e) {
    s_.spec.tags = e.tags;
    s_.delete_lock = e.delete_lock;
    s_.autokill_ms = e.autokill_ms;
    s_.changed_us = at_.time_us;
  }

  void operator()(const events::template_deleted&) { enter(lifecycle::deleted); }
  void operator()(const events::template_autokilled&) { enter(lifecycle::autokilled); }

  template <class Other>
  void operator()(const Other&) {}

 private:
  void enter(lifecycle phase) {
    s_.phase = phase;
    s_.phase_since_us = at_.time_us;
  }

  void begin(std::uint32_t attempt, std::int64_t deadline_us) {
    s_.cold = false;
    s_.attempt = attempt;
    s_.caused_by = at_.why.request_id;
    s_.deadline_us = deadline_us;
    s_.retry_at_us = 0;
    s_.parent_snapshot_id.clear();
    s_.accelerator.clear();
    s_.pid = 0;
    s_.ready.reset();
  }

  void fail(failure why) {
    ++s_.consecutive_failures;
    s_.last_failure = std::move(why);
    s_.deadline_us = 0;
    s_.retry_at_us = 0;
    s_.pid = 0;
    enter(lifecycle::preparation_failed);
  }

  state& s_;
  const events::envelope& at_;
};

// When a template that nobody clones has been kept for long enough.
std::optional<std::int64_t> autokill_at_us(const state& value) {
  const bool idle = value.phase == lifecycle::snapshotted || value.phase == lifecycle::cold ||
                    value.phase == lifecycle::preparation_failed;
  if (!idle || value.autokill_ms == 0 || value.delete_lock || !value.clones_in_flight.empty()) {
    return std::nullopt;
  }
  const auto since = std::max({value.phase_since_us, value.last_clone_us, value.changed_us});
  return since + static_cast<std::int64_t>(value.autokill_ms) * 1000;
}

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
    case lifecycle::requested:
      return "requested";
    case lifecycle::waiting_for_parent:
      return "waiting_for_parent";
    case lifecycle::preparing:
      return "preparing";
    case lifecycle::awaiting_guest_signal:
      return "awaiting_guest_signal";
    case lifecycle::snapshotting:
      return "snapshotting";
    case lifecycle::snapshotted:
      return "snapshotted";
    case lifecycle::cold:
      return "cold";
    case lifecycle::preparation_failed:
      return "preparation_failed";
    case lifecycle::autokilled:
      return "autokilled";
    case lifecycle::deleted:
      return "deleted";
  }
  return "unknown";
}

bool stale(const state& value) {
  return value.phase == lifecycle::preparation_failed && value.last_failure &&
         value.last_failure->stage == "verify" &&
         value.last_failure->reason.starts_with(hypervisor::stale_snapshot);
}

std::string_view shown_lifecycle(const state& value) {
  if (stale(value)) return "stale";
  const bool cloning = cloneable(value) && !value.clones_in_flight.empty();
  return cloning ? "cloning" : to_string(value.phase);
}

bool settled(const state& value) {
  switch (value.phase) {
    case lifecycle::snapshotted:
    case lifecycle::cold:
    case lifecycle::autokilled:
    case lifecycle::deleted:
      return true;
    case lifecycle::preparation_failed:
      return value.retry_at_us == 0;
    default:
      return false;
  }
}

bool forgettable(const state& value) {
  return gone(value) && value.clones_in_flight.empty() && value.holders.empty();
}

bool gone(const state& value) {
  return value.phase == lifecycle::deleted || value.phase == lifecycle::autokilled;
}

bool cloneable(const state& value) {
  return value.phase == lifecycle::snapshotted || value.phase == lifecycle::cold;
}

std::string snapshot_id(const std::string& template_id, std::uint32_t attempt) {
  return template_id + "-" + std::to_string(attempt);
}

effects wanted(const state& value) {
  effects want;
  switch (value.phase) {
    case lifecycle::preparing:
    case lifecycle::awaiting_guest_signal:
      want.vm = vm_goal::booted;
      want.attempt = value.attempt;
      break;
    case lifecycle::snapshotting:
      want.vm = vm_goal::frozen;
      want.attempt = value.attempt;
      want.keep_snapshot = snapshot_id(value.id, value.attempt);
      break;
    case lifecycle::snapshotted:
      want.vm = vm_goal::idle;
      want.attempt = value.attempt;
      want.keep_snapshot = value.ready->id;
      break;
    case lifecycle::waiting_for_parent:
      want.wants_parent = true;
      break;
    case lifecycle::deleted:
    case lifecycle::autokilled:
      // Instances of it can still be started.
      if (value.ready && !forgettable(value)) want.keep_snapshot = value.ready->id;
      return want;
    case lifecycle::none:
    case lifecycle::requested:
    case lifecycle::cold:
    case lifecycle::preparation_failed:
      break;
  }
  want.wake_at_us = autokill_at_us(value);
  if (value.deadline_us != 0) want.wake_at_us = value.deadline_us;
  if (value.phase == lifecycle::preparation_failed && value.retry_at_us != 0) {
    want.wake_at_us = value.retry_at_us;
  }
  return want;
}

}  // namespace platen::actors::vm_template
