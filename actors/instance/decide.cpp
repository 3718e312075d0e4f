#include "actors/instance/decide.hpp"

#include <algorithm>

namespace platen::actors::instance {

namespace {

using kind = rejection::kind;

bool has_vm(const state& now) {
  switch (now.phase) {
    case lifecycle::cloning:
    case lifecycle::booting:
    case lifecycle::running:
    case lifecycle::draining:
    case lifecycle::stopping:
    case lifecycle::suspending:
    case lifecycle::resuming:
      return true;
    case lifecycle::converting:
      return !now.becomes->snapshot_id.empty();
    default:
      return false;
  }
}

// A report counts only for the VM that is under way.
bool current(const state& now, std::uint32_t attempt) {
  return has_vm(now) && now.attempt == attempt;
}

events::instance_resume_started resume_event(const state& now) {
  events::instance_resume_started resume;
  resume.attempt = now.attempt + 1;
  resume.suspended_attempt = now.suspended_attempt;
  return resume;
}

// Somebody has asked for its end, which has yet to come.
bool is_to_stop(const state& now) {
  return now.phase == lifecycle::stopping ||
         (now.phase == lifecycle::draining && !now.drain->suspend);
}

events::instance_stop_requested gentle_stop(const state& now, std::uint32_t grace_ms) {
  events::instance_stop_requested event;
  event.attempt = now.attempt;
  event.grace_ms = grace_ms;
  return event;
}

events::instance_suspend_requested suspension(const state& now) {
  events::instance_suspend_requested event;
  event.attempt = now.attempt;
  return event;
}

std::int64_t after_ms(std::int64_t now_us, std::uint32_t ms) {
  return now_us + std::int64_t{ms} * 1000;
}

// What is suspended is to stay so, whoever wants it now.
events::instance_suspend_requested unasked_for(const state& now) {
  events::instance_suspend_requested event;
  event.attempt = now.attempt;
  return event;
}

// Clones ask their template first; others boot at once.
events::event start_event(const std::string& template_id, std::uint32_t attempts_so_far) {
  if (!template_id.empty()) return events::instance_start_requested{};
  events::instance_boot_started boot;
  boot.attempt = attempts_so_far + 1;
  return boot;
}

events::instance_failed failed(std::uint32_t attempt, std::string stage, std::string reason,
                               std::string console_tail) {
  events::instance_failed event;
  event.attempt = attempt;
  event.stage = std::move(stage);
  event.reason = std::move(reason);
  event.console_tail = newest_of_console(std::move(console_tail));
  return event;
}

events::instance_stopped stopped(std::uint32_t attempt, bool by_user, std::string reason) {
  events::instance_stopped event;
  event.attempt = attempt;
  event.by_user = by_user;
  event.reason = std::move(reason);
  return event;
}

// A failed boot or clone counts for a restart policy only where it was a restart.
bool wants_restart(const state& now, bool crashed) {
  const auto& policy = now.spec.restart_policy;
  return policy == "always" || (policy == "on-failure" && crashed);
}

events::instance_restart_scheduled next_restart(const state& now, std::int64_t now_us) {
  const bool was_healthy =
      now.phase == lifecycle::running && now_us - now.started_us >= healthy_run_us;
  events::instance_restart_scheduled scheduled;
  scheduled.restart = was_healthy ? 1 : now.restarts + 1;
  scheduled.not_before_us =
      now_us + static_cast<std::int64_t>(restart_backoff_ms(scheduled.restart)) * 1000;
  return scheduled;
}

class decider {
 public:
  explicit decider(const state& now) : now_(now) {}

  outcome operator()(const request& c) const {
    if (now_.phase != lifecycle::none) {
      return refuse(kind::wrong_state, "the instance exists already");
    }
    std::vector<events::event> events{c.what};
    if (c.what.autostart) events.push_back(start_event(c.what.template_id, 0));
    return events;
  }

  outcome operator()(const start&) const {
    switch (now_.phase) {
      case lifecycle::none:
      case lifecycle::deleted:
      case lifecycle::converted:
        return gone();
      case lifecycle::stopping:
        return refuse(kind::wrong_state,
                      "the instance is stopping: wait until it is stopped, then start it");
      case lifecycle::draining:
        return refuse(kind::wrong_state,
                      "the instance is draining: wait until it is stopped, then start it");
      case lifecycle::suspending:
        return refuse(kind::wrong_state,
                      "the instance is being suspended: wait until it is suspended, then start it");
      case lifecycle::converting:
        return refuse(kind::wrong_state, "the instance is being converted into a template");
      case lifecycle::stopped:
      case lifecycle::failed:
      case lifecycle::suspended:
      case lifecycle::standby:
        if (has_suspended_state(now_)) return one(resume_event(now_));
        return one(start_event(now_.template_id, now_.attempt));
      default:
        return nothing();
    }
  }

  outcome operator()(const stop& c) const {
    switch (now_.phase) {
      case lifecycle::none:
      case lifecycle::deleted:
      case lifecycle::converted:
        return gone();
      case lifecycle::converting:
        return refuse(kind::wrong_state, "the instance is being converted into a template");
      case lifecycle::waiting_for_template:
        return one(stopped(now_.attempt, true, "stopped before its template was ready"));
      case lifecycle::running:
        if (drains_first(c.drain_ms)) return one(drain_for_stop(c));
        break;
      case lifecycle::draining:
        if (c.drain_ms == 0) break;
        return now_.drain->suspend ? one(drain_for_stop(c)) : nothing();
      case lifecycle::stopping:
        // A forced stop overtakes a gentle one, and a stop that was asked for one for standby.
        if ((now_.force_stop || !c.force) && !now_.standby) return nothing();
        break;
      case lifecycle::suspending:
        if (c.force) break;
        return now_.standby ? one(unasked_for(now_)) : nothing();
      case lifecycle::stopped:
      case lifecycle::failed:
      case lifecycle::suspended:
      case lifecycle::standby:
        return stop_without_vm(c.force);
      default:
        break;
    }
    events::instance_stop_requested event;
    event.attempt = now_.attempt;
    event.force = c.force;
    event.grace_ms = c.grace_ms;
    return one(event);
  }

  outcome operator()(const remove&) const {
    if (!is_there(now_)) return gone();
    if (now_.delete_lock) return refuse(kind::locked, "Deletion protection enabled");
    if (now_.phase == lifecycle::converting)
      return refuse(kind::wrong_state,
                    "the instance is being converted into a template: wait until it is one");
    return one(events::instance_deleted{});
  }

  outcome operator()(const suspend& c) const {
    if (!is_there(now_)) return gone();
    switch (now_.phase) {
      case lifecycle::running:
        if (drains_first(c.drain_ms)) return one(drain(after_ms(c.now_us, c.drain_ms)));
        return one(suspension(now_));
      case lifecycle::draining:
        if (!now_.drain->suspend)
          return refuse(kind::wrong_state, "the instance drains to be stopped");
        return c.drain_ms == 0 ? one(suspension(now_)) : nothing();
      case lifecycle::suspended:
        return nothing();
      case lifecycle::suspending:
        return now_.standby ? one(unasked_for(now_)) : nothing();
      case lifecycle::standby:
        if (has_suspended_state(now_)) return one(unasked_for(now_));
        return refuse(kind::wrong_state,
                      "the instance is in standby without its memory: stop it instead");
      case lifecycle::stopping:
      case lifecycle::stopped:
      case lifecycle::failed:
        return refuse(kind::wrong_state,
                      "the instance does not run: only a running instance can "
                      "be suspended");
      case lifecycle::converting:
        return refuse(kind::wrong_state, "the instance is being converted into a template");
      default:
        return refuse(kind::wrong_state,
                      "the instance is starting: wait until it runs, then suspend it");
    }
  }

  outcome operator()(const drained&) const {
    return now_.phase == lifecycle::draining ? after_drain() : nothing();
  }

  outcome operator()(const doze& c) const {
    if (now_.phase != lifecycle::running || !scales_to_zero(now_.spec)) return nothing();
    if (now_.spec.stateful) {
      auto event = suspension(now_);
      event.standby = true;
      return one(event);
    }
    auto event = gentle_stop(now_, c.grace_ms);
    event.standby = true;
    return one(event);
  }

  outcome operator()(const use_up& c) const {
    const auto most = now_.spec.autokill_requests;
    const bool kept = now_.delete_lock || now_.phase == lifecycle::converting;
    if (!is_there(now_) || kept || most == 0 || c.requests < most) return nothing();
    events::instance_autokilled killed;
    killed.requests = c.requests;
    return one(killed);
  }

  outcome operator()(const count_requests& c) const {
    if (!is_there(now_) || now_.spec.autokill_requests == 0 || c.requests <= now_.requests_served)
      return nothing();
    events::instance_requests_counted counted;
    counted.requests = c.requests;
    return one(counted);
  }

  outcome operator()(const convert& c) const {
    if (!is_there(now_)) return gone();
    if (now_.phase == lifecycle::converting) return nothing();
    events::instance_conversion_requested event;
    event.autokill_ms = c.autokill_ms;
    event.by_guest = c.by_guest_of.has_value();
    if (c.by_guest_of && (now_.phase != lifecycle::running || *c.by_guest_of != now_.attempt))
      return refuse(kind::wrong_state, "the instance does not run any more");
    if (has_suspended_state(now_))
      return refuse(kind::wrong_state,
                    "the instance is suspended: start it, or stop it by force, then convert it");
    switch (now_.phase) {
      case lifecycle::running:
        event.attempt = now_.attempt;
        event.snapshot_id = now_.id + "-" + std::to_string(now_.attempt);
        return one(std::move(event));
      case lifecycle::stopped:
      case lifecycle::standby:
      case lifecycle::failed:
        return one(std::move(event));
      default:
        return refuse(kind::wrong_state, "the instance is " + std::string(to_string(now_.phase)) +
                                             ": wait until it runs or is stopped, then convert it");
    }
  }

  outcome operator()(const template_made&) const {
    if (now_.phase != lifecycle::converting) return nothing();
    return one(events::instance_converted{});
  }

  outcome operator()(const change& c) const {
    if (!is_there(now_)) return gone();
    if (now_.phase == lifecycle::converting)
      return refuse(kind::wrong_state, "the instance is being converted into a template");
    const bool scales = c.scale_to_zero && c.scale_to_zero->policy != "off";
    if (scales && now_.service_group_id.empty())
      return refuse(kind::invalid, "'scale_to_zero' needs an instance with a service group");
    const bool frozen = c.image || c.args || c.env || c.memory_mb || c.vcpus;
    if (frozen && !now_.template_id.empty()) {
      return refuse(kind::invalid,
                    "'image', 'args', 'env', 'memory_mb' and 'vcpus' of an instance are those of "
                    "its template and cannot be changed");
    }
    events::instance_changed changed;
    auto& spec = *changed.spec;
    spec = now_.spec;
    spec.image = c.image.value_or(spec.image);
    if (c.args) spec.args = edited(spec.args, *c.args);
    if (c.env) spec.env = edited(spec.env, *c.env);
    spec.memory_mb = c.memory_mb.value_or(spec.memory_mb);
    spec.vcpus = c.vcpus.value_or(spec.vcpus);
    spec.hostname = c.hostname.value_or(spec.hostname);
    if (c.tags) spec.tags = edited(spec.tags, *c.tags);
    if (c.annotations) spec.annotations = edited(spec.annotations, *c.annotations);
    spec.autokill_ms = c.autokill_ms.value_or(spec.autokill_ms);
    spec.autokill_requests = c.autokill_requests.value_or(spec.autokill_requests);
    if (c.scale_to_zero) {
      spec.scale_to_zero = c.scale_to_zero->policy;
      spec.stateful = c.scale_to_zero->stateful;
      spec.cooldown_ms = c.scale_to_zero->cooldown_ms;
      spec.notify_ms = c.scale_to_zero->notify_ms;
    }
    changed.delete_lock = c.delete_lock.value_or(now_.delete_lock);
    if (spec == now_.spec && changed.delete_lock == now_.delete_lock) return nothing();
    return one(std::move(changed));
  }

  outcome operator()(const wake& c) const {
    const auto due = wanted(now_).wake_at_us;
    if (!due || std::max(c.now_us, c.due_us) < *due) return nothing();
    if (now_.phase == lifecycle::draining) return after_drain();
    if (now_.restart_at_us != 0) {
      if (has_suspended_state(now_)) return one(resume_event(now_));
      return one(start_event(now_.template_id, now_.attempt));
    }
    events::instance_autokilled killed;
    killed.idle_ms = now_.spec.autokill_ms;
    return one(killed);
  }

  outcome operator()(const clone_granted& c) const {
    if (!waits(c.waiting_version)) return nothing();
    if (c.snapshot_id.empty()) return one(start_event("", now_.attempt));
    events::instance_clone_started started;
    started.attempt = now_.attempt + 1;
    started.template_id = now_.template_id;
    started.snapshot_id = c.snapshot_id;
    return one(std::move(started));
  }

  outcome operator()(const clone_refused& c) const {
    if (!waits(c.waiting_version)) return nothing();
    return one(failed(now_.attempt, c.stage, c.reason, c.console_tail));
  }

  outcome operator()(const vm_running& c) const {
    if (!current(now_, c.attempt)) return nothing();
    if (!starting()) return nothing();
    events::instance_running event;
    event.attempt = c.attempt;
    event.accelerator = c.accelerator;
    event.pid = c.pid;
    event.generation_id = c.generation_id;
    event.services = now_.spec.services;
    for (auto& service : event.services) {
      const auto forward = std::find_if(c.ports.begin(), c.ports.end(), [&](const auto& port) {
        return port.first == service.destination_port;
      });
      service.host_port = forward == c.ports.end() ? 0 : forward->second;
    }
    return one(std::move(event));
  }

  outcome operator()(const vm_suspended& c) const {
    if (!current(now_, c.attempt)) return nothing();
    if (now_.phase == lifecycle::stopping)
      return end(stopped(c.attempt, true, "it was suspended, and its memory is given up"), 0);
    if (now_.phase != lifecycle::suspending) return nothing();
    events::instance_suspended event;
    event.attempt = c.attempt;
    event.state_bytes = c.state_bytes;
    return one(event);
  }

  outcome operator()(const vm_exited& c) const {
    if (!current(now_, c.attempt)) return nothing();
    if (starting()) {
      const auto* stage = now_.phase == lifecycle::cloning   ? "clone"
                          : now_.phase == lifecycle::booting ? "boot"
                                                             : "resume";
      return fail(c.attempt, stage, c.reason, c.console_tail, c.now_us);
    }
    auto event = stopped(c.attempt, is_to_stop(now_), c.reason);
    event.exit_known = c.exit_known;
    event.exit_code = c.exit_code;
    return end(std::move(event), c.now_us);
  }

  outcome operator()(const vm_failed& c) const {
    if (!current(now_, c.attempt)) return nothing();
    if (c.runs_on) return go_on(c);
    // Whatever went wrong while it was being stopped, it is stopped.
    if (now_.phase == lifecycle::stopping) return end(stopped(c.attempt, true, c.reason), c.now_us);
    return fail(c.attempt, c.stage, c.reason, c.console_tail, c.now_us);
  }

  outcome operator()(const vm_lost& c) const {
    const bool asleep = has_suspended_state(now_) && now_.phase != lifecycle::failed;
    if (asleep && now_.suspended_attempt == c.attempt)
      return one(failed(c.attempt, "suspend", "its memory is not on the disk any more", ""));
    if (!current(now_, c.attempt)) return nothing();
    switch (now_.phase) {
      case lifecycle::cloning:
      case lifecycle::booting:
        return one(start_event(now_.template_id, now_.attempt));
      case lifecycle::resuming:
        return one(resume_event(now_));
      default:
        return end(stopped(c.attempt, is_to_stop(now_), "the VM ended while the daemon was away"),
                   c.now_us);
    }
  }

 private:
  bool starting() const {
    return now_.phase == lifecycle::cloning || now_.phase == lifecycle::booting ||
           now_.phase == lifecycle::resuming;
  }

  bool drains_first(std::uint32_t drain_ms) const {
    return drain_ms != 0 && !now_.service_group_id.empty();
  }

  events::instance_drain_started drain(std::int64_t until_us) const {
    events::instance_drain_started event;
    event.attempt = now_.attempt;
    event.until_us = until_us;
    event.suspend = true;
    return event;
  }

  // One that drains to be suspended is not kept for longer than it was to be.
  events::instance_drain_started drain_for_stop(const stop& c) const {
    const auto until_us = after_ms(c.now_us, c.drain_ms);
    auto event = drain(now_.drain ? std::min(until_us, now_.drain->until_us) : until_us);
    event.suspend = false;
    event.grace_ms = c.grace_ms;
    return event;
  }

  outcome after_drain() const {
    if (now_.drain->suspend) return one(suspension(now_));
    return one(gentle_stop(now_, now_.drain->grace_ms));
  }

  outcome stop_without_vm(bool force) const {
    if (force && has_suspended_state(now_))
      return one(stopped(now_.attempt, true, "its suspended memory was given up"));
    if (now_.restart_at_us != 0)
      return one(stopped(now_.attempt, true, "its next restart was called off"));
    if (now_.phase != lifecycle::standby) return nothing();
    if (has_suspended_state(now_)) return one(unasked_for(now_));
    return one(stopped(now_.attempt, true, "no request starts it any more"));
  }

  outcome go_on(const vm_failed& c) const {
    if (now_.phase == lifecycle::suspending) {
      events::instance_suspend_failed event;
      event.attempt = c.attempt;
      event.stage = c.stage;
      event.reason = c.reason;
      return one(std::move(event));
    }
    // While it is being stopped, what follows is its end.
    if (now_.phase != lifecycle::converting) return nothing();
    events::instance_conversion_failed event;
    event.attempt = c.attempt;
    event.stage = c.stage;
    event.reason = c.reason;
    return one(std::move(event));
  }

  bool waits(std::uint64_t wait) const {
    return now_.phase == lifecycle::waiting_for_template && now_.wait == wait;
  }

  outcome end(events::instance_stopped how, std::int64_t now_us) const {
    const bool by_user = how.by_user;
    const bool crashed = !how.exit_known || how.exit_code != 0;
    std::vector<events::event> events{std::move(how)};
    if (now_.phase == lifecycle::stopping && now_.standby) return events;
    if (now_.spec.delete_on_stop) {
      events.emplace_back(events::instance_deleted{});
    } else if (!by_user && wants_restart(now_, crashed)) {
      events.emplace_back(next_restart(now_, now_us));
    }
    return events;
  }

  outcome fail(std::uint32_t attempt, std::string stage, std::string reason,
               std::string console_tail, std::int64_t now_us) const {
    std::vector<events::event> events{
        failed(attempt, std::move(stage), std::move(reason), std::move(console_tail))};
    const bool had_run = now_.phase == lifecycle::draining || now_.phase == lifecycle::suspending ||
                         now_.phase == lifecycle::converting;
    if ((now_.restarts != 0 || had_run) && wants_restart(now_, true)) {
      events.emplace_back(next_restart(now_, now_us));
    }
    return events;
  }

  outcome gone() const {
    return refuse(kind::not_found, now_.name.empty() ? "No instance with uuid '" + now_.id + "'"
                                                     : "No instance with name '" + now_.name + "'");
  }

  const state& now_;
};

}  // namespace

outcome decide(const state& now, const command& what) {
  return std::visit(decider(now), what);
}

std::uint64_t restart_backoff_ms(std::uint32_t restart) {
  if (restart <= 1) return 0;
  constexpr std::uint64_t first = 5'000;
  constexpr std::uint64_t most = 5 * 60 * 1000;
  return std::min(most, first << std::min<std::uint32_t>(restart - 2, 16));
}

}  // namespace platen::actors::instance
