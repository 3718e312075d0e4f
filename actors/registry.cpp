#include "actors/registry.hpp"

#include "actors/instance/actor.hpp"
#include "actors/template/actor.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;

bool living(const vm_template::state& entity) {
  return entity.phase != vm_template::lifecycle::deleted;
}

begin begin_of(const reconciliation& plan, const std::string& id) {
  const auto found = plan.entities.find(id);
  const auto then = found == plan.entities.end() ? action::none : found->second;
  return {then == action::adopt, then == action::lost};
}

}  // namespace

registry::registry(caf::actor_config& config, const runtime& env, const options& limits, world log,
                   reconciliation plan)
    : caf::event_based_actor(config),
      env_(env),
      limits_(limits),
      log_(std::move(log)),
      plan_(std::move(plan)) {}

caf::behavior registry::make_behavior() {
  revive();
  return {
      [this](go) { begin_all(); },
      [this](const create_message& message) { on_create(message); },
      [this](const template_confirmed& message) { on_template_confirmed(message); },
      [this](const template_message& message) {
        const auto found = templates_.find(message.uuid);
        if (found == templates_.end()) {
          message.ask.done(
              refuse(kind::not_found, "No instance template with uuid '" + message.uuid + "'"));
          return;
        }
        send(found->second.actor, message.ask);
      },
      [this](const instance_message& message) {
        const auto found = instances_.find(message.uuid);
        if (found == instances_.end() || !found->second.actor) {
          message.ask.done(refuse(kind::not_found, "No instance with uuid '" + message.uuid + "'"));
          return;
        }
        send(found->second.actor, message.ask);
      },
      [this](const lease& message) { on_lease(message); },
      [this](const lease_returned& message) {
        const auto found = templates_.find(message.template_id);
        if (found != templates_.end()) send(found->second.actor, message);
      },
      [this](const hypervisor::report& message) {
        if (const auto t = templates_.find(message.vm.id); t != templates_.end()) {
          send(t->second.actor, message);
        } else if (const auto i = instances_.find(message.vm.id);
                   i != instances_.end() && i->second.actor) {
          send(i->second.actor, message);
        }
      },
      [this](const retired& message) { on_retired(message); },
      [this](const finished& message) { on_finished(message); },
  };
}

void registry::on_exit() {
  for (auto& [id, entry] : templates_)
    caf::anon_send_exit(entry.actor, caf::exit_reason::user_shutdown);
  for (auto& [id, entry] : instances_) {
    if (entry.actor) caf::anon_send_exit(entry.actor, caf::exit_reason::user_shutdown);
  }
  templates_.clear();
  instances_.clear();
}

// ---- after a restart ---------------------------------------------------------------------------

void registry::revive() {
  for (const auto& [id, state] : log_.templates) {
    if (forgettable(state)) continue;
    templates_[id] = {spawn_template(state), state.name};
    if (living(state) && !state.name.empty()) template_names_[state.name] = id;
  }
  for (const auto& [id, state] : log_.instances) {
    if (forgettable(state)) continue;
    instances_[id] = {spawn_instance(state), state.name};
    instance_names_[state.name] = id;
  }
}

void registry::begin_all() {
  for (const auto& [id, snapshot] : plan_.missing_snapshots) {
    template_ask question{vm_template::snapshot_damaged{snapshot, "the snapshot's files are gone"},
                          {"", "platend", events::origin::reconcile},
                          nullptr};
    send(templates_.at(id).actor, std::move(question));
  }
  for (const auto& [id, entry] : templates_)
    send(entry.actor, begin_of(plan_, id));
  for (const auto& [id, entry] : instances_)
    send(entry.actor, begin_of(plan_, id));
  return_forgotten_leases();
  log_ = {};
  plan_ = {};
}

// A clone that ended just before the daemon did has not been returned to its template.
void registry::return_forgotten_leases() {
  for (const auto& [id, state] : log_.templates) {
    for (const auto& instance_id : state.clones_in_flight) {
      const auto found = log_.instances.find(instance_id);
      const auto phase =
          found == log_.instances.end() ? instance::lifecycle::deleted : found->second.phase;
      if (phase == instance::lifecycle::cloning ||
          phase == instance::lifecycle::waiting_for_template) {
        continue;
      }
      send(templates_.at(id).actor, lease_returned{id,
                                                   instance_id,
                                                   phase == instance::lifecycle::running,
                                                   "",
                                                   "",
                                                   {"", "platend", events::origin::reconcile}});
    }
  }
}

// ---- creating ----------------------------------------------------------------------------------

void registry::on_create(const create_message& message) {
  auto create = message;
  if (instances_.size() >= limits_.max_instances) {
    create.done(
        refuse(kind::quota, "there are already " + std::to_string(instances_.size()) +
                                " instances, the limit: delete one, or raise max_instances"));
    return;
  }
  const auto uuid = env_.new_uuid();
  if (create.wish.name.empty()) create.wish.name = "instance-" + uuid.substr(0, 8);
  if (instance_names_.contains(create.wish.name)) {
    create.done(refuse(kind::name_taken,
                       "An instance with the name '" + create.wish.name + "' already exists"));
    return;
  }
  std::string template_id;
  if (create.wish.from) {
    auto resolved = resolve_template(*create.wish.from, create.why);
    if (!resolved) {
      create.done(tl::make_unexpected(resolved.error()));
      return;
    }
    template_id = std::move(*resolved);
  }
  instance_names_[create.wish.name] = uuid;
  instances_[uuid] = {nullptr, create.wish.name};
  if (template_id.empty()) {
    request_instance(create, uuid, nullptr);
    return;
  }
  // The instance refers to its template, so the template has to be durable first.
  template_ask question{vm_template::confirm{}, create.why, nullptr};
  question.done = [self = caf::actor_cast<caf::actor>(this), create, uuid,
                   template_id](tl::expected<template_ptr, rejection> result) {
    caf::anon_send(self, template_confirmed{create, template_id, uuid, std::move(result)});
  };
  send(templates_.at(template_id).actor, std::move(question));
}

tl::expected<std::string, rejection> registry::resolve_template(const template_wish& wish,
                                                                const events::cause& why) {
  if (!wish.which.uuid.empty()) {
    const auto known = env_.templates.by_id(wish.which.uuid);
    if (!known) {
      return refuse(kind::not_found, "No instance template with uuid '" + wish.which.uuid + "'");
    }
    return wish.which.uuid;
  }
  if (const auto known = template_names_.find(wish.which.name); known != template_names_.end()) {
    return known->second;
  }
  if (!wish.create_args) {
    return refuse(kind::not_found, "No instance template with name '" + wish.which.name + "'");
  }
  if (templates_.size() >= limits_.max_templates) {
    return refuse(kind::quota, "there are already " + std::to_string(templates_.size()) +
                                   " templates, the limit: delete one, or raise max_templates");
  }
  return add_template(wish, why);
}

std::string registry::add_template(const template_wish& wish, const events::cause& why) {
  vm_template::state initial;
  initial.id = env_.new_uuid();
  events::template_requested event;
  event.name = wish.which.name;
  event.spec = *wish.create_args;
  event.fingerprint = fingerprint(*wish.create_args);
  event.prepare_timeout_ms = wish.prepare_timeout_ms;
  event.autokill_ms = wish.autokill_ms;

  const auto id = initial.id;
  auto actor = spawn_template(std::move(initial));
  send(actor, begin{});
  send(actor, template_ask{vm_template::request{std::move(event)}, why, nullptr});
  templates_[id] = {actor, wish.which.name};
  template_names_[wish.which.name] = id;
  return id;
}

void registry::on_template_confirmed(const template_confirmed& message) {
  if (!message.result) {
    instance_names_.erase(message.create.wish.name);
    instances_.erase(message.instance_id);
    message.create.done(tl::make_unexpected(message.result.error()));
    return;
  }
  request_instance(message.create, message.instance_id, *message.result);
  // Without autostart nobody asks for a clone; `prepare` still means that the template is made.
  const auto found = templates_.find(message.template_id);
  if (!message.create.wish.autostart && message.create.wish.from->prepare &&
      found != templates_.end()) {
    send(found->second.actor, template_ask{vm_template::request_preparation{env_.now_us()},
                                           message.create.why, nullptr});
  }
}

void registry::request_instance(const create_message& message, const std::string& uuid,
                                const template_ptr& from) {
  instance::state initial;
  initial.id = uuid;
  events::instance_requested event;
  event.name = message.wish.name;
  event.spec = message.wish.spec;
  event.autostart = message.wish.autostart;
  std::vector<std::string> differing;
  if (from) {
    event.template_id = from->id;
    event.template_name = from->name;
    event.spec->image = from->spec.image;
    event.spec->args = from->spec.args;
    event.spec->env = from->spec.env;
    event.spec->memory_mb = from->spec.memory_mb;
    event.spec->vcpus = from->spec.vcpus;
    const auto& args = message.wish.from->create_args;
    if (args) differing = differences(from->spec, *args);
  }
  auto actor = spawn_instance(std::move(initial));
  instances_[uuid].actor = actor;
  send(actor, begin{});
  instance_ask question{instance::request{std::move(event)}, message.why, nullptr};
  question.done = [done = message.done, from,
                   differing](tl::expected<instance_ptr, rejection> result) {
    if (!result) {
      done(tl::make_unexpected(result.error()));
    } else {
      done(created{*result, from, differing});
    }
  };
  send(actor, std::move(question));
}

void registry::on_retired(const retired& message) {
  if (const auto t = templates_.find(message.uuid); t != templates_.end()) {
    template_names_.erase(t->second.name);
  } else if (const auto i = instances_.find(message.uuid); i != instances_.end()) {
    instance_names_.erase(i->second.name);
  }
}

// What was passed on to the entity before the farewell is still answered by it.
void registry::on_finished(const finished& message) {
  for (auto* entities : {&templates_, &instances_}) {
    const auto found = entities->find(message.uuid);
    if (found == entities->end()) continue;
    send(found->second.actor, farewell{});
    entities->erase(found);
  }
}

void registry::on_lease(const lease& message) {
  const auto found = templates_.find(message.template_id);
  if (found == templates_.end()) {
    send(message.instance, lease_refused{"template", "its template was deleted", ""});
    return;
  }
  send(found->second.actor, message);
}

caf::actor registry::spawn_template(vm_template::state initial) {
  return spawn<vm_template::actor>(env_, caf::actor_cast<caf::actor>(this), std::move(initial));
}

caf::actor registry::spawn_instance(instance::state initial) {
  return spawn<instance::actor>(env_, caf::actor_cast<caf::actor>(this), std::move(initial));
}

}  // namespace platen::actors
