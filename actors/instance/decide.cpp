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
    case lifecycle::stopping:
      return true;
    default:
      return false;
  }
}

// A report counts only for the VM that is under way.
bool current(const state& now, std::uint32_t attempt) {
  return has_vm(now) && now.attempt == attempt;
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
        return gone();
      case lifecycle::stopping:
        return refuse(kind::wrong_state,
                      "the instance is stopping: wait until it is stopped, then start it");
      case lifecycle::stopped:
      case lifecycle::failed:
        return one(start_event(now_.template_id, now_.attempt));
      default:
        return nothing();
    }
  }

  outcome operator()(const stop& c) const {
    switch (now_.phase) {
      case lifecycle::none:
      case lifecycle::deleted:
        return gone();
      case lifecycle::waiting_for_template:
        return one(stopped(now_.attempt, true, "stopped before its template was ready"));
      case lifecycle::stopping:
        // A forced stop overtakes a gentle one.
        if (now_.force_stop || !c.force) return nothing();
        break;
      case lifecycle::stopped:
      case lifecycle::failed:
        return nothing();
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
    if (now_.phase == lifecycle::none || now_.phase == lifecycle::deleted) return gone();
    return one(events::instance_deleted{});
  }

  outcome operator()(const clone_granted& c) const {
    if (!waits(c.waiting_version)) return nothing();
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
    if (now_.phase != lifecycle::cloning && now_.phase != lifecycle::booting) return nothing();
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

  outcome operator()(const vm_exited& c) const {
    if (!current(now_, c.attempt)) return nothing();
    if (now_.phase == lifecycle::cloning || now_.phase == lifecycle::booting) {
      return one(failed(c.attempt, now_.phase == lifecycle::cloning ? "clone" : "boot", c.reason,
                        c.console_tail));
    }
    auto event = stopped(c.attempt, now_.phase == lifecycle::stopping, c.reason);
    event.exit_known = c.exit_known;
    event.exit_code = c.exit_code;
    return one(std::move(event));
  }

  outcome operator()(const vm_failed& c) const {
    if (!current(now_, c.attempt)) return nothing();
    // Whatever went wrong while it was being stopped, it is stopped.
    if (now_.phase == lifecycle::stopping) return one(stopped(c.attempt, true, c.reason));
    return one(failed(c.attempt, c.stage, c.reason, c.console_tail));
  }

  outcome operator()(const vm_lost& c) const {
    if (!current(now_, c.attempt)) return nothing();
    switch (now_.phase) {
      case lifecycle::cloning:
      case lifecycle::booting:
        return one(start_event(now_.template_id, now_.attempt));
      case lifecycle::stopping:
        return one(stopped(c.attempt, true, "the VM ended while the daemon was away"));
      default:
        return one(stopped(c.attempt, false, "the VM ended while the daemon was away"));
    }
  }

 private:
  // No event happens to an instance that goes on waiting, so its version names the wait.
  bool waits(std::uint64_t version) const {
    return now_.phase == lifecycle::waiting_for_template && now_.version == version;
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

}  // namespace platen::actors::instance
