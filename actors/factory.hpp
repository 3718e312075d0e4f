// The factory: a host's default template. It is made from the daemon's configuration, and instances
// that name no template but are what it is made of are clones of it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/template_wish.hpp"

namespace platen::actors {

// The section [factory] of the configuration.
struct factory_settings {
  bool enabled = false;
  std::string image;
  std::uint32_t memory_mb = 256;
  std::uint32_t vcpus = 1;
  std::uint64_t prepare_timeout_ms = 0;  // 0: none
};

// A template like any other, but for its name.
inline constexpr std::string_view factory_template_name = "vm-factory";

// What is asked for to have it prepared.
template_wish factory_wish(const factory_settings& how);

enum class factory_state { not_enabled, not_prepared, preparing, failed, stale, on };
std::string_view to_string(factory_state value);

struct factory_status {
  factory_state is = factory_state::not_enabled;
  std::string why;  // a sentence; empty where it is on
};

// `there` is the template of that name, null if there is none.
factory_status status_of(const factory_settings& how, const vm_template::state* there);

// What a create that names no template becomes: a clone of the factory's, or what it was. Then
// `note` says why, if its image is the factory's.
struct factory_choice {
  std::optional<template_wish> from;
  std::string note;
};
factory_choice choose_factory(const factory_settings& how, const events::vm_spec& wanted,
                              const vm_template::state* there);

}  // namespace platen::actors
