#include "actors/template/decide.hpp"

#include <algorithm>

#include "actors/scoped_name.hpp"
#include "hypervisor/hypervisor.hpp"

namespace platen::actors::vm_template {

namespace {

using kind = rejection::kind;

// There is a VM that is to become the snapshot.
bool preparing(const state& now) {
  return now.phase == lifecycle::preparing || now.phase == lifecycle::awaiting_guest_signal ||
         now.phase == lifecycle::snapshotting;
}

bool waiting_for_parent(const state& now) {
  return now.phase == lifecycle::waiting_for_parent;
}

// A report counts only for the preparation that is under way.
bool current(const state& now, std::uint32_t attempt) {
  return preparing(now) && now.attempt == attempt;
}

// A nested template's attempt begins with asking its parent, and its time runs from there.
events::event next_attempt(const state& now, std::int64_t now_us) {
  std::int64_t deadline_us = 0;
  if (now.prepare_timeout_ms != 0) {
    deadline_us = now_us + static_cast<std::int64_t>(now.prepare_timeout_ms) * 1000;
  }
  if (!now.parent_id.empty()) {
    events::parent_requested asked;
    asked.attempt = now.attempt + 1;
    asked.parent_id = now.parent_id;
    asked.deadline_us = deadline_us;
    return asked;
  }
  events::preparation_started started;
  started.attempt = now.attempt + 1;
  started.deadline_us = deadline_us;
  return started;
}

// A clock that was set back since the failure does not lengthen the backoff.
std::int64_t earliest_retry_us(const state& now, std::int64_t now_us) {
  const auto backoff_us = static_cast<std::int64_t>(now.last_failure->retry_after_ms) * 1000;
  return std::min(now.last_failure->at_us, now_us) + backoff_us;
}

outcome fail(const state& now, std::string stage, std::string reason, std::string console_tail) {
  events::preparation_failed failed;
  failed.attempt = now.attempt;
  failed.stage = std::move(stage);
  failed.reason = std::move(reason);
  failed.console_tail = newest_of_console(std::move(console_tail));
  failed.retry_after_ms = backoff_ms(now.consecutive_failures + 1);
  return one(std::move(failed));
}

// Brings a template without a snapshot on its way to one. Whoever comes while a preparation is
// under way joins it: there is nothing to record.
outcome make_prepared(const state& now, std::int64_t now_us) {
  // What its instance had in memory cannot be made again.
  if (!now.converted_from.empty()) return nothing();
  switch (now.phase) {
    case lifecycle::requested:
    case lifecycle::cold:
      return one(next_attempt(now, now_us));
    case lifecycle::preparation_failed: {
      if (now.retry_at_us != 0) return nothing();
      if (const auto earliest = earliest_retry_us(now, now_us); now_us < earliest) {
        events::preparation_scheduled scheduled;
        scheduled.attempt = now.attempt + 1;
        scheduled.not_before_us = earliest;
        return one(scheduled);
      }
      return one(next_attempt(now, now_us));
    }
    default:
      return nothing();
  }
}

class decider {
 public:
  explicit decider(const state& now) : now_(now) {}

  outcome operator()(const request& c) const {
    if (now_.phase != lifecycle::none) {
      return refuse(kind::wrong_state, "the template exists already");
    }
    return one(c.what);
  }

  outcome operator()(const take_over& c) const {
    if (now_.phase != lifecycle::none && now_.converted_from == c.what.converted_from)
      return nothing();
    if (now_.phase != lifecycle::none)
      return refuse(kind::wrong_state, "the template exists already");
    std::vector<events::event> events{c.what};
    if (c.snapshot) events.emplace_back(*c.snapshot);
    if (c.delete_lock) {
      events::template_changed locked;
      locked.tags = c.what.spec->tags;
      locked.delete_lock = true;
      locked.autokill_ms = c.what.autokill_ms;
      events.emplace_back(std::move(locked));
    }
    return events;
  }

  outcome operator()(const hold& c) const {
    if (unknown()) return refuse(kind::not_found, unknown_message());
    auto events = c.prepare ? make_prepared(now_, c.now_us) : nothing();
    if (now_.holders.contains(c.by)) return events;
    events::template_held held;
    held.by = c.by;
    events->insert(events->begin(), std::move(held));
    return events;
  }

  outcome operator()(const release& c) const {
    if (!now_.holders.contains(c.by)) return nothing();
    events::template_released released;
    released.by = c.by;
    return one(std::move(released));
  }

  outcome operator()(const request_clone& c) const {
    const bool kept_for_it =
        gone(now_) && (now_.ready || now_.cold) && now_.holders.contains(c.instance_id);
    if (unknown() && !kept_for_it) return refuse(kind::not_found, unknown_message());
    if (!cloneable(now_) && !kept_for_it) return make_prepared(now_, c.now_us);
    if (now_.clones_in_flight.contains(c.instance_id)) return nothing();
    events::clone_granted granted;
    granted.instance_id = c.instance_id;
    if (now_.ready) granted.snapshot_id = now_.ready->id;
    return one(std::move(granted));
  }

  outcome operator()(const request_preparation& c) const {
    if (unknown()) return refuse(kind::not_found, unknown_message());
    return make_prepared(now_, c.now_us);
  }

  outcome operator()(const wake& c) const {
    const auto reached_us = std::max(c.now_us, c.due_us);
    if (now_.phase == lifecycle::preparation_failed && now_.retry_at_us != 0 &&
        reached_us >= now_.retry_at_us) {
      return one(next_attempt(now_, c.now_us));
    }
    const bool under_way = preparing(now_) || waiting_for_parent(now_);
    if (under_way && now_.deadline_us != 0 && reached_us >= now_.deadline_us) {
      const auto limit = std::to_string(now_.prepare_timeout_ms / 1000) + " s";
      if (waiting_for_parent(now_)) {
        return fail(now_, "template", parent_text() + " was not ready within " + limit, "");
      }
      return now_.phase == lifecycle::awaiting_guest_signal
                 ? fail(now_, "guest_signal",
                        "the guest did not write to /uk/libukp/template_instance within " + limit,
                        c.console_tail)
                 : fail(now_, now_.phase == lifecycle::preparing ? "boot" : "snapshot",
                        "the preparation did not finish within " + limit, c.console_tail);
    }
    // Of the times a template waits for only its end is left.
    const auto due = wanted(now_).wake_at_us;
    if (!under_way && now_.retry_at_us == 0 && due && reached_us >= *due) {
      events::template_autokilled killed;
      killed.idle_ms = now_.autokill_ms;
      return one(killed);
    }
    return nothing();
  }

  outcome operator()(const clone_done& c) const {
    if (!now_.clones_in_flight.contains(c.instance_id)) return nothing();
    events::clone_finished finished;
    finished.instance_id = c.instance_id;
    finished.running = c.running;
    std::vector<events::event> events{std::move(finished)};
    // An anonymous template is for one clone. Its snapshot stays for as long as that one lives.
    if (is_unnamed(now_.name) && !gone(now_) && !now_.delete_lock) {
      events.emplace_back(events::template_deleted{});
    }
    return events;
  }

  outcome operator()(const remove&) const {
    if (unknown()) return refuse(kind::not_found, unknown_message());
    if (now_.delete_lock) return refuse(kind::locked, "Deletion protection enabled");
    return one(events::template_deleted{});
  }

  outcome operator()(const change& c) const {
    if (unknown()) return refuse(kind::not_found, unknown_message());
    events::template_changed changed;
    changed.tags = c.tags ? edited(now_.spec.tags, *c.tags) : now_.spec.tags;
    changed.delete_lock = c.delete_lock.value_or(now_.delete_lock);
    changed.autokill_ms = c.autokill_ms.value_or(now_.autokill_ms);
    const bool same = changed.tags == now_.spec.tags && changed.delete_lock == now_.delete_lock &&
                      changed.autokill_ms == now_.autokill_ms;
    return same ? nothing() : one(std::move(changed));
  }

  outcome operator()(const parent_granted& c) const {
    if (!waits(c.attempt)) return nothing();
    events::preparation_started started;
    started.attempt = now_.attempt;
    started.deadline_us = now_.deadline_us;
    started.parent_id = c.parent_id;
    started.parent_snapshot_id = c.snapshot_id;
    return one(std::move(started));
  }

  outcome operator()(const parent_refused& c) const {
    if (!waits(c.attempt)) return nothing();
    return fail(now_, c.stage, parent_text() + ": " + c.reason, c.console_tail);
  }

  outcome operator()(const vm_booted& c) const {
    if (!current(now_, c.attempt) || now_.phase != lifecycle::preparing) return nothing();
    events::template_guest_booted booted;
    booted.attempt = c.attempt;
    booted.accelerator = c.accelerator;
    booted.pid = c.pid;
    return one(std::move(booted));
  }

  outcome operator()(const vm_signalled& c) const {
    if (!current(now_, c.attempt) || now_.phase != lifecycle::awaiting_guest_signal) {
      return nothing();
    }
    events::guest_signalled signalled;
    signalled.attempt = c.attempt;
    return one(signalled);
  }

  outcome operator()(const vm_snapshotted& c) const {
    if (!current(now_, c.attempt) || now_.phase != lifecycle::snapshotting) return nothing();
    return one(c.what);
  }

  outcome operator()(const vm_failed& c) const {
    if (!current(now_, c.attempt)) return nothing();
    return fail(now_, c.stage, c.reason, c.console_tail);
  }

  outcome operator()(const vm_lost& c) const {
    if (!current(now_, c.attempt)) return nothing();
    return one(next_attempt(now_, c.now_us));
  }

  outcome operator()(const snapshot_damaged& c) const {
    const bool in_use = now_.phase == lifecycle::snapshotted || gone(now_);
    if (!in_use || !now_.ready || now_.ready->id != c.snapshot_id) return nothing();
    // What cannot be made again is kept: a host that has what it needs can use it yet.
    const bool irreplaceable = gone(now_) || !now_.converted_from.empty();
    if (irreplaceable && c.reason.starts_with(hypervisor::stale_snapshot)) return nothing();
    events::snapshot_rejected rejected;
    rejected.attempt = now_.attempt;
    rejected.snapshot_id = c.snapshot_id;
    rejected.reason = c.reason;
    return one(std::move(rejected));
  }

 private:
  bool waits(std::uint64_t attempt) const {
    return waiting_for_parent(now_) && now_.attempt == attempt;
  }

  std::string parent_text() const {
    return "template '" + (is_unnamed(now_.parent_name) ? now_.parent_id : now_.parent_name) + "'";
  }

  bool unknown() const { return now_.phase == lifecycle::none || gone(now_); }
  std::string unknown_message() const {
    return is_unnamed(now_.name) ? "No instance template with uuid '" + now_.id + "'"
                                 : "No instance template with name '" + now_.name + "'";
  }

  const state& now_;
};

}  // namespace

outcome decide(const state& now, const command& what) {
  return std::visit(decider(now), what);
}

std::uint64_t backoff_ms(std::uint32_t consecutive_failures) {
  constexpr std::uint64_t first = 1000;
  constexpr std::uint64_t most = 5 * 60 * 1000;
  const auto doublings = std::min<std::uint32_t>(consecutive_failures - 1, 16);
  return std::min(most, first << doublings);
}

}  // namespace platen::actors::vm_template
