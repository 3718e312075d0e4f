#include "actors/template_wish.hpp"

#include <set>

#include "actors/edit.hpp"
#include "actors/scoped_name.hpp"
#include "actors/vm_spec.hpp"
#include "hypervisor/rom_rules.hpp"

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
  if (own.autokill_requests == 0) own.autokill_requests = of.spec.autokill_requests;
  if (own.scale_to_zero.empty()) {
    own.scale_to_zero = of.spec.scale_to_zero;
    own.stateful = of.spec.stateful;
    own.cooldown_ms = of.spec.cooldown_ms;
    own.notify_ms = of.spec.notify_ms;
  }
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

template_shape shape_of(const template_wish& wish, const template_shape* below) {
  template_shape shape;
  shape.spec = *wish.create_args;
  shape.cold = !wish.prepare;
  if (below == nullptr) return shape;
  shape.spec = with_frozen_parts(std::move(shape.spec), below->spec);
  shape.depth = below->depth + 1;
  shape.roms_below = below->roms_below;
  // What boots instead of being cloned gets the ROMs of a cold parent like its own.
  auto& inherits = below->cold ? shape.spec.roms : shape.roms_below;
  inherits.insert(inherits.begin(), below->spec.roms.begin(), below->spec.roms.end());
  return shape;
}

tl::expected<void, std::string> check_roms(const std::vector<events::rom>& own,
                                           const template_shape& below) {
  auto inherited = below.roms_below;
  inherited.insert(inherited.end(), below.spec.roms.begin(), below.spec.roms.end());
  const auto added = hypervisor::added_roms(to_hypervisor(own), to_hypervisor(inherited));
  if (!added) return tl::make_unexpected(added.error());
  return {};
}

std::optional<std::string> repeated_name(const template_wish& wish) {
  std::set<std::string> seen;
  for (const auto* level = &wish; level != nullptr; level = level->parent.get()) {
    const auto& name = level->which.name;
    if (!is_unnamed(name) && !seen.insert(name).second) return name;
  }
  return std::nullopt;
}

}  // namespace platen::actors
