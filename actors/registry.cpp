#include "actors/registry.hpp"

#include "actors/instance/actor.hpp"
#include "actors/template/actor.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;

// Of a client that repeats a request while the first is under way, one at a time is to be expected.
constexpr std::size_t max_askers_of_one_create = 64;

bool living(const vm_template::state& entity) {
  return entity.phase != vm_template::lifecycle::deleted;
}

// One that was deleted in an earlier life of the daemon is told of again, when its name may have
// been given to another.
void free_name(std::map<std::string, std::string>& names, const std::string& name,
               const std::string& uuid) {
  const auto found = names.find(name);
  if (found != names.end() && found->second == uuid) names.erase(found);
}

begin begin_of(const reconciliation& plan, const std::string& id) {
  const auto found = plan.entities.find(id);
  const auto then = found == plan.entities.end() ? action::none : found->second;
  return {then == action::adopt, then == action::lost};
}

}  // namespace

registry::registry(caf::actor_config& config, const runtime& env, const options& limits,
                   caf::actor groups, world log, reconciliation plan)
    : caf::event_based_actor(config),
      env_(env),
      limits_(limits),
      groups_(std::move(groups)),
      log_(std::move(log)),
      plan_(std::move(plan)) {}

caf::behavior registry::make_behavior() {
  revive();
  return {
      [this](go) { begin_all(); },
      [this](const create_message& message) { on_create(message); },
      [this](const group_joined& message) { on_group_joined(message); },
      [this](const template_confirmed& message) { on_template_confirmed(message); },
      [this](const instance_confirmed& message) { on_instance_confirmed(message); },
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
  caf::anon_send_exit(groups_, caf::exit_reason::user_shutdown);
  groups_ = nullptr;
  const auto ended = refuse(kind::unavailable, "the daemon is stopping: ask again");
  for (const auto& [id, askers] : std::exchange(creating_, {}))
    for (const auto& done : askers)
      done(ended);
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
  if (answer_with_existing(message)) return;
  auto create = message;
  if (instances_.size() >= limits_.max_instances) {
    create.done(
        refuse(kind::quota, "there are already " + std::to_string(instances_.size()) +
                                " instances, the limit: delete one, or raise max_instances"));
    return;
  }
  const auto uuid = create.wish.uuid.empty() ? env_.new_uuid() : create.wish.uuid;
  if (create.wish.name.empty()) create.wish.name = "instance-" + uuid.substr(0, 8);
  // Of tens of thousands of random UUIDs two begin alike.
  if (message.wish.name.empty() && instance_names_.contains(create.wish.name))
    create.wish.name = "instance-" + uuid;
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
  creating_[uuid].push_back(std::exchange(create.done, nullptr));
  if (!create.wish.group) return go_on_with_template(create, uuid, template_id);
  send(groups_, group_join{create, uuid, template_id, caf::actor_cast<caf::actor>(this)});
}

// The instance refers to its service group, so that was made durable first.
void registry::on_group_joined(const group_joined& message) {
  const auto& uuid = message.instance_id;
  if (!message.result)
    return on_instance_confirmed({uuid, tl::make_unexpected(message.result.error())});
  auto create = message.create;
  create.wish.spec.services = (*message.result)->how.services;
  joined_[uuid] = *message.result;
  // The template may have been deleted meanwhile.
  if (!message.template_id.empty() && !templates_.contains(message.template_id))
    return on_instance_confirmed({uuid, refuse(kind::not_found, "No instance template with uuid '" +
                                                                    message.template_id + "'")});
  go_on_with_template(create, uuid, message.template_id);
}

void registry::go_on_with_template(const create_message& create, const std::string& uuid,
                                   const std::string& template_id) {
  if (template_id.empty()) {
    request_instance(create, uuid, nullptr);
    return;
  }
  // The instance refers to its template, so the template has to be durable first. Without autostart
  // nobody asks for a clone: `prepare` still means that the template is made, and so the
  // preparation has to be durable as well before the create is acknowledged.
  const bool only_prepares = create.wish.from->prepare && !create.wish.autostart;
  template_ask question{vm_template::confirm{}, create.why, nullptr};
  if (only_prepares) question.what = vm_template::request_preparation{env_.now_us()};
  question.done = [self = caf::actor_cast<caf::actor>(this), create, uuid,
                   template_id](tl::expected<template_ptr, rejection> result) {
    caf::anon_send(self, template_confirmed{create, template_id, uuid, std::move(result)});
  };
  send(templates_.at(template_id).actor, std::move(question));
}

// True if the create was for an instance that exists or is being made.
bool registry::answer_with_existing(const create_message& message) {
  const auto& uuid = message.wish.uuid;
  if (uuid.empty()) return false;
  if (const auto under_way = creating_.find(uuid); under_way != creating_.end()) {
    if (under_way->second.size() < max_askers_of_one_create) {
      under_way->second.push_back(message.done);
    } else {
      message.done(refuse(kind::busy, "too many requests wait for the instance '" + uuid + "'"));
    }
    return true;
  }
  const auto found = env_.instances.by_id(uuid);
  if (!found && !instances_.contains(uuid)) {
    const auto version = env_.log.stream_version(instance_stream(uuid));
    if (version && *version == 0) return false;
  }
  if (!found) {
    message.done(refuse(kind::wrong_state, "the instance '" + uuid + "' was deleted since"));
    return true;
  }
  created made{found, env_.templates.by_id(found->template_id), {}};
  const auto& from = message.wish.from;
  if (made.of && from && from->create_args) {
    made.differences = differences(made.of->spec, *from->create_args);
  }
  // The daemon may have ended before it came to this.
  prepare_if_wished(message, found->template_id);
  message.done(std::move(made));
  return true;
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
    on_instance_confirmed({message.instance_id, tl::make_unexpected(message.result.error())});
    return;
  }
  request_instance(message.create, message.instance_id, *message.result);
}

// Without autostart nobody asks for a clone; `prepare` still means that the template is made.
void registry::prepare_if_wished(const create_message& message, const std::string& template_id) {
  const auto found = templates_.find(template_id);
  const auto& wish = message.wish;
  if (wish.autostart || !wish.from || !wish.from->prepare || found == templates_.end()) return;
  send(found->second.actor,
       template_ask{vm_template::request_preparation{env_.now_us()}, message.why, nullptr});
}

void registry::on_instance_confirmed(const instance_confirmed& message) {
  const auto askers = creating_.extract(message.instance_id);
  joined_.erase(message.instance_id);
  if (!message.result) {
    send(groups_, instance_gone{message.instance_id});
    const auto refused = instances_.extract(message.instance_id);
    instance_names_.erase(refused.mapped().name);
    if (refused.mapped().actor) send(refused.mapped().actor, farewell{});
  }
  for (const auto& done : askers.mapped())
    done(message.result);
}

void registry::request_instance(const create_message& message, const std::string& uuid,
                                const template_ptr& from) {
  instance::state initial;
  initial.id = uuid;
  events::instance_requested event;
  event.name = message.wish.name;
  event.spec = message.wish.spec;
  event.autostart = message.wish.autostart;
  if (const auto group = joined_.find(uuid); group != joined_.end())
    event.service_group_id = group->second->id;
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
  question.done = [self = caf::actor_cast<caf::actor>(this), uuid, from,
                   differing](tl::expected<instance_ptr, rejection> result) {
    const auto made = result.map([&](const auto& one) { return created{one, from, differing}; });
    caf::anon_send(self, instance_confirmed{uuid, made});
  };
  send(actor, std::move(question));
}

void registry::on_retired(const retired& message) {
  if (const auto t = templates_.find(message.uuid); t != templates_.end()) {
    free_name(template_names_, t->second.name, message.uuid);
  } else if (const auto i = instances_.find(message.uuid); i != instances_.end()) {
    free_name(instance_names_, i->second.name, message.uuid);
    send(groups_, instance_gone{message.uuid});
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
    send(message.instance,
         lease_refused{message.waiting_version, "template", "its template was deleted", ""});
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
