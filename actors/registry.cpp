#include "actors/registry.hpp"

#include <algorithm>

#include "actors/instance/actor.hpp"
#include "actors/scoped_name.hpp"
#include "actors/template/actor.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;

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

// ---- entities that end -------------------------------------------------------------------------

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
