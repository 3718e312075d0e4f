#include "actors/registry.hpp"

#include <algorithm>

#include "actors/instance/actor.hpp"
#include "actors/scoped_name.hpp"
#include "actors/template/actor.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;

// Of a client that repeats a request while the first is under way, one at a time is to be expected.
constexpr std::size_t max_askers_of_one_create = 64;

// A template can be deleted between the moment its name was looked up and the moment it is held.
constexpr unsigned max_tries = 3;

// Of one whose parent is gone it is known that it is the second at least.
template_shape shape_in(const world& log, const vm_template::state& entity) {
  template_shape shape{entity.spec, entity.parent_name, 1, entity.cold, {}};
  if (entity.parent_id.empty()) return shape;
  const auto parent = log.templates.find(entity.parent_id);
  if (parent == log.templates.end()) {
    shape.depth = 2;
    return shape;
  }
  const auto below = shape_in(log, parent->second);
  shape.depth = below.depth + 1;
  shape.roms_below = below.roms_below;
  shape.roms_below.insert(shape.roms_below.end(), below.spec.roms.begin(), below.spec.roms.end());
  return shape;
}

bool has_instance_clone(const instance::state& borrower) {
  return borrower.phase == instance::lifecycle::cloning ||
         borrower.phase == instance::lifecycle::waiting_for_template;
}

bool came_to_run(const instance::state& borrower) {
  switch (borrower.phase) {
    case instance::lifecycle::running:
    case instance::lifecycle::draining:
    case instance::lifecycle::suspending:
    case instance::lifecycle::suspended:
    case instance::lifecycle::standby:
    case instance::lifecycle::resuming:
    case instance::lifecycle::converting:
      return true;
    default:
      return false;
  }
}

// As long as its VM is not booted, what it is a clone of is in use.
bool has_parent_clone(const vm_template::state& borrower) {
  return borrower.phase == vm_template::lifecycle::waiting_for_parent ||
         (borrower.phase == vm_template::lifecycle::preparing &&
          !borrower.parent_snapshot_id.empty());
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

// What is published already, so that each state is there once.
template <class State>
std::shared_ptr<const State> shared(std::shared_ptr<const State> published, const State& state) {
  return published ? std::move(published) : std::make_shared<const State>(state);
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
      [this](const template_wanted& message) { on_template_wanted(message); },
      [this](const instance_message& message) {
        const auto found = instances_.find(message.uuid);
        if (found == instances_.end() || !found->second.actor) {
          message.ask.done(refuse(kind::not_found, "No instance with uuid '" + message.uuid + "'"));
          return;
        }
        send(found->second.actor, message.ask);
      },
      [this](const sleep_announced& message) {
        const auto found = instances_.find(message.uuid);
        if (found != instances_.end() && found->second.actor) send(found->second.actor, message);
      },
      [this](const lease& message) { on_lease(message); },
      [this](const lease_returned& message) { on_lease_returned(message); },
      [this](const hold_released& message) { on_hold_released(message); },
      [this](const convert_message& message) { on_convert(message); },
      [this](const convert_answered& message) { --conversions_.at(message.name).open_requests; },
      [this](const conversion_ready& message) { on_conversion_ready(message); },
      [this](const taken_over& message) { on_taken_over(message); },
      [this](const hypervisor::report& message) {
        // Of a template that was an instance until now, nothing is to come.
        if (const auto i = instances_.find(message.vm.id);
            i != instances_.end() && i->second.actor) {
          send(i->second.actor, message);
        } else if (const auto t = templates_.find(message.vm.id); t != templates_.end()) {
          send(t->second.actor, message);
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
    templates_[id] = {{spawn_template(shared(env_.templates.by_id(id), state)), state.name},
                      shape_in(log_, state)};
    if (!gone(state) && !is_unnamed(state.name)) template_names_[state.name] = id;
  }
  for (const auto& [id, state] : log_.instances) {
    if (forgettable(state)) continue;
    instances_[id] = {spawn_instance(shared(env_.instances.by_id(id), state)), state.name};
    instance_names_[state.name] = id;
    if (state.phase == instance::lifecycle::converting) conversions_[state.name] = {id, 0};
  }
}

void registry::begin_all() {
  const auto reject = [&](const std::string& id, vm_template::snapshot_damaged why) {
    template_ask question{std::move(why), {"", "platend", events::origin::reconcile}, nullptr};
    send(templates_.at(id).actor, std::move(question));
  };
  for (const auto& [id, snapshot] : plan_.missing_snapshots)
    reject(id, {snapshot, "the snapshot's files are gone"});
  for (const auto& [id, unusable] : plan_.unusable_snapshots)
    reject(id, {unusable.id, unusable.reason});
  for (const auto& [id, entry] : templates_)
    send(entry.actor, begin_of(plan_, id));
  for (const auto& [id, entry] : instances_)
    send(entry.actor, begin_of(plan_, id));
  for (const auto& [id, state] : log_.instances)
    if (state.phase == instance::lifecycle::converting && log_.templates.contains(id))
      on_taken_over({id});
  settle_accounts();
  log_ = {};
  plan_ = {};
}

// What ended just before the daemon did has not been told to the templates it concerns.
void registry::settle_accounts() {
  const events::cause why{"", "platend", events::origin::reconcile};
  for (const auto& [id, state] : log_.templates) {
    for (const auto& borrower : state.clones_in_flight) {
      const auto one = log_.instances.find(borrower);
      const auto nested = log_.templates.find(borrower);
      if (one != log_.instances.end() && has_instance_clone(one->second)) continue;
      if (nested != log_.templates.end() && has_parent_clone(nested->second)) continue;
      const bool running = (one != log_.instances.end() && came_to_run(one->second)) ||
                           (nested != log_.templates.end() && !gone(nested->second));
      on_lease_returned({id, borrower, running, "", "", why, ""});
    }
    for (const auto& holder : state.holders) {
      const auto nested = log_.templates.find(holder);
      const bool depends = nested != log_.templates.end() && nested->second.parent_id == id &&
                           !gone(nested->second) &&
                           nested->second.phase != vm_template::lifecycle::snapshotted;
      if (!depends && !log_.instances.contains(holder)) on_hold_released({id, holder, why, ""});
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
  if (is_unnamed(message.wish.name)) {
    create.wish.name = message.wish.name + "instance-" + uuid.substr(0, 8);
    // Of tens of thousands of random UUIDs two begin alike.
    if (instance_names_.contains(create.wish.name))
      create.wish.name = message.wish.name + "instance-" + uuid;
  }
  if (instance_names_.contains(create.wish.name)) {
    create.done(refuse(kind::name_taken,
                       "An instance with the name '" + create.wish.name + "' already exists"));
    return;
  }
  use_factory(create);
  std::string template_id;
  if (create.wish.from) {
    auto resolved = find_or_make_template(*create.wish.from, create.why);
    if (resolved) {
      const auto fit = check_roms(create.wish.spec.roms, templates_.at(*resolved).shape);
      if (!fit) resolved = refuse(kind::invalid, fit.error());
    }
    // The factory's template was destroyed since it was looked up.
    const bool boots_instead = !resolved && resolved.error().what == kind::not_found &&
                               std::exchange(create.from_factory, false);
    if (boots_instead) {
      create.wish.from.reset();
    } else if (!resolved) {
      create.done(tl::make_unexpected(resolved.error()));
      return;
    } else {
      template_id = std::move(*resolved);
    }
  }
  instance_names_[create.wish.name] = uuid;
  instances_[uuid] = {nullptr, create.wish.name};
  creating_[uuid].push_back(std::exchange(create.done, nullptr));
  if (!create.wish.group) return go_on_with_template(create, uuid, template_id);
  send(groups_, group_join{create, uuid, template_id, caf::actor_cast<caf::actor>(this)});
}

// The host's own template, for what names none. Its memory is not shared with another scope.
void registry::use_factory(create_message& create) const {
  if (create.wish.from || !limits_.factory.enabled) return;
  if (!scope_of(create.wish.name).empty()) return;
  const auto there = env_.templates.by_name(std::string(factory_template_name));
  auto choice = choose_factory(limits_.factory, create.wish.spec, there.get());
  create.from_factory = choice.from.has_value();
  create.wish.from = std::move(choice.from);
  create.note = std::move(choice.note);
}

// The instance refers to its service group, so that was made durable first.
void registry::on_group_joined(const group_joined& message) {
  const auto& uuid = message.instance_id;
  if (!message.result)
    return on_instance_confirmed(
        {uuid, "", tl::make_unexpected(message.result.error()), message.create.why});
  auto create = message.create;
  create.wish.spec.services = (*message.result)->how.services;
  joined_[uuid] = *message.result;
  // The template may have been deleted meanwhile.
  if (!message.template_id.empty() && !templates_.contains(message.template_id))
    return on_template_confirmed(
        {create, message.template_id, uuid,
         refuse(kind::not_found, "No instance template with uuid '" + message.template_id + "'")});
  go_on_with_template(create, uuid, message.template_id);
}

void registry::go_on_with_template(const create_message& create, const std::string& uuid,
                                   const std::string& template_id) {
  if (template_id.empty()) {
    request_instance(create, uuid, nullptr);
    return;
  }
  hold_template(create, uuid, template_id);
}

// The instance refers to its template, so the template has to be durable first, and must not go
// before the instance is. Without autostart nobody asks for a clone: `prepare` still means that the
// template is made, and so the preparation has to be durable as well before the create is
// acknowledged.
void registry::hold_template(const create_message& create, const std::string& uuid,
                             const std::string& template_id) {
  const bool prepares = create.wish.from->prepare && !create.wish.autostart;
  template_ask question{vm_template::hold{uuid, prepares, env_.now_us()}, create.why, nullptr};
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
  if (made.of && from) made.differences = differences(templates_.at(made.of->id).shape, *from);
  // The daemon may have ended before it came to this.
  prepare_if_wished(message, found->template_id);
  message.done(std::move(made));
  return true;
}

// Whether all levels that are missing may be made; before any of them is.
tl::expected<void, rejection> registry::check_levels(const template_wish& wish) const {
  if (const auto name = repeated_name(wish)) {
    return refuse(kind::invalid, "the template '" + *name + "' is nested in itself");
  }
  std::vector<const template_wish*> missing;
  const template_shape* below = nullptr;
  for (const auto* level = &wish; level != nullptr; level = level->parent.get()) {
    if (is_being_converted(level->which.name))
      return refuse(kind::busy, "the instance '" + level->which.name +
                                    "' is being converted into the template of that name");
    const auto named = template_names_.find(level->which.name);
    const auto known =
        templates_.find(named == template_names_.end() ? level->which.uuid : named->second);
    const bool usable =
        known != templates_.end() && scope_of(known->second.name) == scope_of(level->which.name);
    if (usable) below = &known->second.shape;
    if (below != nullptr || !level->create_args) break;
    missing.push_back(level);
  }
  if (missing.empty()) return {};
  const auto there = templates_there_will_be();
  if (there + missing.size() > limits_.max_templates) {
    return refuse(kind::quota, "there are already " + std::to_string(there) +
                                   " templates, and the limit is " +
                                   std::to_string(limits_.max_templates) +
                                   ": delete one, or raise max_templates");
  }
  const auto depth = missing.size() + (below ? below->depth : 0);
  if (depth > limits_.max_template_depth) {
    return refuse(kind::invalid, "the template '" + wish.which.name + "' would be nested " +
                                     std::to_string(depth) + " deep; the limit is " +
                                     std::to_string(limits_.max_template_depth) +
                                     " (max_template_depth)");
  }
  std::optional<template_shape> made;
  for (auto level = missing.rbegin(); level != missing.rend(); ++level) {
    if (below != nullptr) {
      if (const auto fit = check_roms((*level)->create_args->roms, *below); !fit)
        return refuse(kind::invalid, fit.error());
    }
    made = shape_of(**level, below);
    below = &*made;
  }
  return {};
}

tl::expected<std::string, rejection> registry::find_or_make_template(const template_wish& wish,
                                                                     const events::cause& why) {
  return check_levels(wish).and_then([&] { return resolve_template(wish, why); });
}

tl::expected<std::string, rejection> registry::resolve_template(const template_wish& wish,
                                                                const events::cause& why) {
  if (!wish.which.uuid.empty()) {
    const auto known = env_.templates.by_id(wish.which.uuid);
    const bool usable = known && scope_of(known->name) == scope_of(wish.which.name);
    if (!usable || !templates_.contains(wish.which.uuid)) {
      return refuse(kind::not_found, "No instance template with uuid '" + wish.which.uuid + "'");
    }
    return wish.which.uuid;
  }
  if (const auto known = template_names_.find(wish.which.name); known != template_names_.end()) {
    return resolve_known(known->second, wish, why);
  }
  if (!wish.create_args) {
    return refuse(kind::not_found, "No instance template with name '" + wish.which.name + "'");
  }
  return add_template(wish, why);
}

tl::expected<std::string, rejection> registry::resolve_known(const std::string& uuid,
                                                             const template_wish& wish,
                                                             const events::cause& why) {
  const auto& shape = templates_.at(uuid).shape;
  if (limits_.strict_templates) {
    if (const auto differing = differences(shape, wish); !differing.empty()) {
      std::string names;
      for (const auto& name : differing)
        names += (names.empty() ? "'" : ", '") + name + "'";
      return refuse(kind::invalid, "the template '" + wish.which.name + "' exists with other " +
                                       names + " in its create_args: name it differently");
    }
  }
  // To be prepared again it needs its parent, which this request can bring back.
  const auto state = env_.templates.by_id(uuid);
  const bool orphaned = state && !cloneable(*state) && !state->parent_id.empty() &&
                        !template_actor(state->parent_id, state->parent_name);
  if (orphaned && wish.parent && wish.parent->which.name == shape.parent_name) {
    const auto parent = find_or_make_template(*wish.parent, why);
    if (!parent) return parent;
  }
  return uuid;
}

// From the innermost level outward: a level that exists is used as it is.
tl::expected<std::string, rejection> registry::add_template(const template_wish& wish,
                                                            const events::cause& why) {
  const auto id = env_.new_uuid();
  template_shape shape;
  events::template_requested event;
  if (wish.parent) {
    const auto parent = resolve_template(*wish.parent, why);
    if (!parent) return parent;
    const auto& below = templates_.at(*parent);
    shape = shape_of(wish, &below.shape);
    shape.parent_name = event.parent_name = below.name;
    event.parent_id = *parent;
    send(below.actor, template_ask{vm_template::hold{id, false, env_.now_us()}, why, nullptr});
  } else {
    shape = shape_of(wish, nullptr);
  }
  event.name = wish.which.name;
  event.spec = shape.spec;
  event.fingerprint = fingerprint(shape.spec);
  event.prepare_timeout_ms = wish.prepare_timeout_ms;
  event.autokill_ms = wish.autokill_ms;
  event.cold = shape.cold;

  vm_template::state initial;
  initial.id = id;
  auto actor = spawn_template(std::make_shared<const vm_template::state>(std::move(initial)));
  send(actor, begin{});
  send(actor, template_ask{vm_template::request{std::move(event)}, why, nullptr});
  templates_[id] = {{actor, wish.which.name}, std::move(shape)};
  if (!is_unnamed(wish.which.name)) template_names_[wish.which.name] = id;
  return id;
}

void registry::on_template_confirmed(const template_confirmed& message) {
  if (message.result) {
    request_instance(message.create, message.instance_id, *message.result);
    return;
  }
  auto why = message.result.error();
  auto again = message.create;
  if (why.what == kind::not_found && std::exchange(again.from_factory, false)) {
    again.wish.from.reset();
    again.note = "booted, not cloned from the factory's template: that was destroyed meanwhile";
    return go_on_with_template(again, message.instance_id, "");
  }
  // It went since its name was looked up; the request has all that is needed to make it anew.
  if (why.what == kind::not_found && again.wish.from->create_args && ++again.tries < max_tries) {
    auto resolved = find_or_make_template(*again.wish.from, again.why);
    if (resolved) return hold_template(again, message.instance_id, *resolved);
    why = std::move(resolved.error());
  }
  on_instance_confirmed(
      {message.instance_id, "", tl::make_unexpected(std::move(why)), message.create.why});
}

// Answered behind the template's first event, which is then durable.
void registry::on_template_wanted(const template_wanted& message) {
  const auto& wish = message.wish;
  const auto id = find_or_make_template(wish, message.why);
  if (!id) return message.done(tl::make_unexpected(id.error()));
  vm_template::command what = vm_template::change{};
  if (wish.prepare) what = vm_template::request_preparation{env_.now_us()};
  send(templates_.at(*id).actor, template_ask{std::move(what), message.why, message.done});
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
    on_hold_released({message.template_id,
                      message.instance_id,
                      {message.why.request_id, "platend", events::origin::system},
                      ""});
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
    event.spec = with_inherited_parts(*event.spec, *from);
    differing = differences(templates_.at(from->id).shape, *message.wish.from);
  }
  auto actor = spawn_instance(std::make_shared<const instance::state>(std::move(initial)));
  instances_[uuid].actor = actor;
  send(actor, begin{});
  instance_ask question{instance::request{std::move(event)}, message.why, nullptr};
  question.done = [self = caf::actor_cast<caf::actor>(this), uuid, from, differing,
                   note = message.note,
                   why = message.why](tl::expected<instance_ptr, rejection> result) {
    const auto made = result.map([&](const auto& one) {
      return created{one, from, differing, note};
    });
    caf::anon_send(self, instance_confirmed{uuid, from ? from->id : "", made, why});
  };
  send(actor, std::move(question));
}

void registry::on_retired(const retired& message) {
  if (message.is_template) {
    const auto found = templates_.find(message.uuid);
    if (found != templates_.end()) free_name(template_names_, found->second.name, message.uuid);
    return;
  }
  const auto found = instances_.find(message.uuid);
  if (found == instances_.end()) return;
  free_name(instance_names_, found->second.name, message.uuid);
  send(groups_, instance_gone{message.uuid});
}

// What was passed on to the entity before the farewell is still answered by it.
void registry::on_finished(const finished& message) {
  const auto forget = [&](auto& entities) {
    const auto found = entities.find(message.uuid);
    if (found == entities.end()) return;
    send(found->second.actor, farewell{});
    entities.erase(found);
  };
  message.is_template ? forget(templates_) : forget(instances_);
}

// ---- instances that become templates -----------------------------------------------------------

bool registry::is_under_way(const reserved_name& conversion) const {
  if (conversion.open_requests != 0) return true;
  const auto now = env_.instances.by_id(conversion.uuid);
  return now && now->phase == instance::lifecycle::converting &&
         !templates_.contains(conversion.uuid);
}

std::size_t registry::templates_there_will_be() const {
  const auto open = std::count_if(conversions_.begin(), conversions_.end(),
                                  [&](const auto& entry) { return is_under_way(entry.second); });
  return templates_.size() + static_cast<std::size_t>(open);
}

bool registry::is_being_converted(const std::string& name) const {
  const auto found = conversions_.find(name);
  return found != conversions_.end() && is_under_way(found->second);
}

// Before anything is recorded, so that nothing stands in the way of what is under way.
tl::expected<void, rejection> registry::reserve_for_conversion(const instance::state& which) {
  const auto& name = which.name;
  std::erase_if(conversions_, [&](const auto& entry) { return !is_under_way(entry.second); });
  const auto open = conversions_.find(name);
  if (open != conversions_.end() && open->second.uuid != which.id)
    return refuse(kind::busy, "another instance of the name '" + name + "' is being converted");
  if (open != conversions_.end()) return {};
  if (template_names_.contains(name))
    return refuse(kind::name_taken,
                  "An instance template with the name '" + name + "' already exists");
  if (templates_.contains(which.id))
    return refuse(kind::wrong_state, "the instance '" + name + "' is a template already");
  if (templates_there_will_be() >= limits_.max_templates)
    return refuse(kind::quota, "there are already " + std::to_string(limits_.max_templates) +
                                   " templates, the limit: delete one, or raise max_templates");
  conversions_[name] = {which.id, 0};
  return {};
}

void registry::on_convert(const convert_message& message) {
  const auto found = instances_.find(message.uuid);
  const auto now = env_.instances.by_id(message.uuid);
  if (found == instances_.end() || !found->second.actor || !now)
    return message.done(refuse(kind::not_found, "No instance with uuid '" + message.uuid + "'"));
  if (const auto reserved = reserve_for_conversion(*now); !reserved)
    return message.done(tl::make_unexpected(reserved.error()));
  ++conversions_.at(now->name).open_requests;
  instance_ask question{message.what, message.why, nullptr};
  question.done = [self = caf::actor_cast<caf::actor>(this), name = now->name,
                   done = message.done](answer<instance_ptr> result) {
    caf::anon_send(self, convert_answered{name});
    done(std::move(result));
  };
  send(found->second.actor, std::move(question));
}

vm_template::take_over registry::take_over_of(const instance::state& which) const {
  vm_template::take_over what;
  what.what.name = which.name;
  what.what.converted_from = which.id;
  what.what.autokill_ms = which.becomes->autokill_ms;
  what.what.cold = which.becomes->snapshot_id.empty();
  what.delete_lock = which.delete_lock;
  auto& spec = *what.what.spec;
  spec = which.spec;
  spec.services.clear();
  // Its guest has those of the template below as well, and so have its clones.
  const auto below = templates_.find(which.template_id);
  if (below != templates_.end()) {
    auto inherited = below->second.shape.roms_below;
    const auto& own = below->second.shape.spec.roms;
    inherited.insert(inherited.end(), own.begin(), own.end());
    std::erase_if(inherited, [&](const auto& rom) {
      return std::find(spec.roms.begin(), spec.roms.end(), rom) != spec.roms.end();
    });
    spec.roms.insert(spec.roms.begin(), inherited.begin(), inherited.end());
  }
  what.what.fingerprint = fingerprint(spec);
  return what;
}

// The template first, then the end of the instance: a daemon that ends in between finds both, and
// tells the instance again.
void registry::on_conversion_ready(const conversion_ready& message) {
  const auto now = env_.instances.by_id(message.uuid);
  const bool converts = now && now->phase == instance::lifecycle::converting;
  if (!converts || templates_.contains(message.uuid)) return;
  // There was one that is deleted by now.
  const auto version = env_.log.stream_version(template_stream(message.uuid));
  if (version && *version != 0) return on_taken_over({message.uuid});
  auto what = take_over_of(*now);
  what.snapshot = message.snapshot;
  vm_template::state initial;
  initial.id = message.uuid;
  auto actor = spawn_template(std::make_shared<const vm_template::state>(std::move(initial)));
  templates_[message.uuid] = {{actor, now->name}, {*what.what.spec, "", 1, what.what.cold, {}}};
  template_names_[now->name] = message.uuid;
  send(actor, begin{});
  send(actor, template_ask{std::move(what), message.why, nullptr});
}

void registry::on_taken_over(const taken_over& message) {
  const auto found = instances_.find(message.uuid);
  if (found == instances_.end()) return;
  send(found->second.actor,
       instance_ask{instance::template_made{}, {"", "platend", events::origin::system}, nullptr});
}

// ---- between templates and those who depend on them ---------------------------------------------

// Null if there is none.
caf::actor registry::template_actor(const std::string& uuid, const std::string& or_named) const {
  auto found = templates_.find(uuid);
  if (found == templates_.end() && !or_named.empty()) {
    const auto named = template_names_.find(or_named);
    if (named != template_names_.end()) found = templates_.find(named->second);
  }
  return found == templates_.end() ? nullptr : found->second.actor;
}

void registry::on_lease(const lease& message) {
  if (const auto lender = template_actor(message.template_id, message.or_named)) {
    send(lender, message);
  } else {
    send(message.borrower,
         lease_refused{message.waiting_version, "template", "the template was deleted", ""});
  }
}

void registry::on_lease_returned(const lease_returned& message) {
  if (const auto lender = template_actor(message.template_id, message.or_named)) {
    send(lender, message);
  }
}

void registry::on_hold_released(const hold_released& message) {
  const auto held = template_actor(message.template_id, message.or_named);
  if (!held) return;
  send(held, template_ask{vm_template::release{message.by}, message.why, nullptr});
}

caf::actor registry::spawn_template(template_ptr initial) {
  return spawn<vm_template::actor>(env_, caf::actor_cast<caf::actor>(this), std::move(initial));
}

caf::actor registry::spawn_instance(instance_ptr initial) {
  return spawn<instance::actor>(env_, caf::actor_cast<caf::actor>(this), std::move(initial));
}

}  // namespace platen::actors
