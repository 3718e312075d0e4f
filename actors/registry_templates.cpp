// Which template a wish means, level by level, and making those that are missing.
#include "actors/registry.hpp"
#include "actors/scoped_name.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;

}  // namespace

tl::expected<std::string, rejection> registry::find_or_make_template(const template_wish& wish,
                                                                     const events::cause& why) {
  return check_levels(wish).and_then([&] { return resolve_template(wish, why); });
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

// Answered behind the template's first event, which is then durable.
void registry::on_template_wanted(const template_wanted& message) {
  const auto& wish = message.wish;
  const auto id = find_or_make_template(wish, message.why);
  if (!id) return message.done(tl::make_unexpected(id.error()));
  vm_template::command what = vm_template::change{};
  if (wish.prepare) what = vm_template::request_preparation{env_.now_us()};
  send(templates_.at(*id).actor, template_ask{std::move(what), message.why, message.done});
}

}  // namespace platen::actors
