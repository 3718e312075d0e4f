// Instances that become templates.
#include <algorithm>

#include "actors/registry.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

namespace {

using kind = rejection::kind;

}  // namespace

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

}  // namespace platen::actors
