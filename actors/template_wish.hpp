// What a create says about the template it wants, and what follows from it. Pure.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "actors/template/state.hpp"

namespace platen::actors {

// By exactly one of the two; beside a UUID, `name` is the scope alone in which it is looked for,
// see scoped_name.hpp.
struct reference {
  std::string uuid;
  std::string name;
};

struct template_wish {
  reference which;  // neither: anonymous, made for this one clone
  bool prepare = false;
  std::optional<events::vm_spec> create_args;  // absent: the template must exist
  // With create_args: it is prepared as a clone of this one, and memory, CPUs, image, arguments and
  // environment in create_args play no part.
  std::shared_ptr<template_wish> parent;
  std::uint64_t prepare_timeout_ms = 0;  // 0: none
  std::uint64_t autokill_ms = 0;         // 0: none
};

// What a template is made of, as far as others depend on it: requests that mean it by its name, and
// what is made from it.
struct template_shape {
  events::vm_spec spec;
  std::string parent_name;              // empty: not nested
  unsigned depth = 1;                   // templates from the innermost to this one
  bool cold = false;                    // when it was made
  std::vector<events::rom> roms_below;  // of the templates it is made from
};

// create_args with the parts that a clone has from its template.
events::vm_spec with_frozen_parts(events::vm_spec own, const events::vm_spec& of);

// What an instance of the template is made of: its own parts and, where it says nothing, those of
// the template. ROMs add up in the guest and stay apart here.
events::vm_spec with_inherited_parts(events::vm_spec own, const vm_template::state& of);

// The create_args members in which the template differs from what is wished for, by their names in
// the API; "template" for another parent.
std::vector<std::string> differences(const template_shape& existing, const template_wish& wish);

// The shape of what `wish` describes; `below` is that of its parent, null without one.
template_shape shape_of(const template_wish& wish, const template_shape* below);

// Whether a VM made from `below` may have these ROMs as well; the error names the one that clashes.
tl::expected<void, std::string> check_roms(const std::vector<events::rom>& own,
                                           const template_shape& below);

// A name that two levels of a nested wish share.
std::optional<std::string> repeated_name(const template_wish& wish);

}  // namespace platen::actors
