// What became different between two states of an entity, field by field, for people.
#pragma once

#include <string>
#include <vector>

#include "actors/instance/state.hpp"
#include "actors/service/state.hpp"
#include "actors/template/state.hpp"

namespace platen::actors {

// Values are texts as in JSON: "running" in quotes, 3, true, null for nothing.
struct field_change {
  std::string field;  // "lifecycle", "snapshot.id", "spec.services[0].host_port"
  std::string before;
  std::string after;
  friend bool operator==(const field_change&, const field_change&) = default;
};

// In the order of describe(). Empty if nothing differs.
std::vector<field_change> changes(const vm_template::state& before,
                                  const vm_template::state& after);
std::vector<field_change> changes(const instance::state& before, const instance::state& after);
std::vector<field_change> changes(const service_group::state& before,
                                  const service_group::state& after);

}  // namespace platen::actors
