#include "actors/template_wish.hpp"

#include <set>

#include "actors/edit.hpp"
#include "actors/vm_spec.hpp"

namespace platen::actors {

events::vm_spec with_frozen_parts(events::vm_spec own, const events::vm_spec& of) {
  own.image = of.image;
  own.args = of.args;
  own.env = of.env;
  own.memory_mb = of.memory_mb;
  own.vcpus = of.vcpus;
  return own;
}

events::vm_spec with_inherited_parts(events::vm_spec own, const vm_template::state& of) {
  own = with_frozen_parts(std::move(own), of.spec);
  if (own.autokill_ms == 0) own.autokill_ms = of.spec.autokill_ms;
  if (own.restart_policy.empty()) own.restart_policy = of.spec.restart_policy;
  auto annotations = of.spec.annotations;
  annotations = edited(std::move(annotations), {edit_op::add, own.annotations});
  own.annotations = std::move(annotations);
  // What boots from the image itself has nothing of the template's yet.
  if (of.cold) own.roms.insert(own.roms.begin(), of.spec.roms.begin(), of.spec.roms.end());
  return own;
}

std::vector<std::string> differences(const template_shape& existing, const template_wish& wish) {
  if (!wish.create_args) return {};
  const bool both_nested = wish.parent && !existing.parent_name.empty();
  auto names =
      differences(existing.spec, both_nested ? with_frozen_parts(*wish.create_args, existing.spec)
                                             : *wish.create_args);
  const auto parent = wish.parent ? wish.parent->which.name : std::string();
  const bool by_uuid = wish.parent && !wish.parent->which.uuid.empty();
  if (!by_uuid && parent != existing.parent_name) names.emplace_back("template");
  return names;
}

std::optional<std::string> repeated_name(const template_wish& wish) {
  std::set<std::string> seen;
  for (const auto* level = &wish; level != nullptr; level = level->parent.get()) {
    const auto& name = level->which.name;
    if (!name.empty() && !seen.insert(name).second) return name;
  }
  return std::nullopt;
}

}  // namespace platen::actors
