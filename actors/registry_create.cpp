// Making instances: the name, the group, the template, then the instance itself.
#include "actors/registry.hpp"
#include "actors/scoped_name.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;

// Of a client that repeats a request while the first is under way, one at a time is to be expected.
constexpr std::size_t max_askers_of_one_create = 64;

// A template can be deleted between the moment its name was looked up and the moment it is held.
constexpr unsigned max_tries = 3;

}  // namespace

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

// Without autostart nobody asks for a clone; `prepare` still means that the template is made.
void registry::prepare_if_wished(const create_message& message, const std::string& template_id) {
  const auto found = templates_.find(template_id);
  const auto& wish = message.wish;
  if (wish.autostart || !wish.from || !wish.from->prepare || found == templates_.end()) return;
  send(found->second.actor,
       template_ask{vm_template::request_preparation{env_.now_us()}, message.why, nullptr});
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

}  // namespace platen::actors
