// What differs between instances and templates where they are looked up, listed and logged alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "actors/control_plane.hpp"
#include "http/view/disk_view.hpp"
#include "http/view/entity_view.hpp"

namespace platen::http {

struct instance_kind {
  using state = actors::instance::state;
  using pointer = actors::instance_ptr;
  using deletion = events::instance_deleted;
  static constexpr std::string_view noun = "instance";
  static constexpr const char* list = "instances";
  static pointer find(const actors::control_plane& in, const actors::reference& which) {
    return in.find_instance(which);
  }
  static std::vector<pointer> all(const actors::control_plane& in) { return in.instances(); }
  static json_object show(const actors::control_plane& in, const actors::instance::state& value) {
    const auto of = value.template_id.empty() ? nullptr : in.find_template({value.template_id, ""});
    auto into = to_json(value, of.get());
    if (value.service_group_id.empty()) return into;
    if (const auto group = in.find_group({value.service_group_id, ""}))
      into["service_group"] = {
          {"uuid", group->id}, {"name", group->name}, {"domains", domains_json(*group)}};
    return into;
  }
};

struct template_kind {
  using state = actors::vm_template::state;
  using pointer = actors::template_ptr;
  using deletion = events::template_deleted;
  static constexpr std::string_view noun = "instance template";
  static constexpr const char* list = "instances";
  static pointer find(const actors::control_plane& in, const actors::reference& which) {
    return in.find_template(which);
  }
  static std::vector<pointer> all(const actors::control_plane& in) { return in.templates(); }
  static json_object show(const actors::control_plane& in,
                          const actors::vm_template::state& value) {
    auto into = to_json(value);
    if (const auto parts = in.disk_use(value.id); !parts.empty())
      into["disk_use"] = disk_json(parts);
    return into;
  }
};

struct service_kind {
  using state = actors::service_group::state;
  using pointer = actors::group_ptr;
  using deletion = events::service_group_deleted;
  static constexpr std::string_view noun = "service group";
  static constexpr const char* list = "service_groups";
  static pointer find(const actors::control_plane& in, const actors::reference& which) {
    return in.find_group(which);
  }
  static std::vector<pointer> all(const actors::control_plane& in) { return in.groups(); }
  static json_object show(const actors::control_plane& in, const state& value) {
    return to_json(in, value);
  }
};

// "No instance with name 'X'"
inline std::string missing(std::string_view noun, const actors::reference& which) {
  const bool by_uuid = !which.uuid.empty();
  return "No " + std::string(noun) + " with " + (by_uuid ? "uuid '" : "name '") +
         (by_uuid ? which.uuid : which.name) + "'";
}

// For a request that must name what it is about.
inline request_error no_target(std::string_view noun) {
  return {400, "name at least one " + std::string(noun) + " by 'uuid' or 'name'", {}};
}

}  // namespace platen::http
