// States by their fields, under the names of actors/describe.hpp: as JSON, as lines, and what an
// event changed. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "actors/replay.hpp"
#include "actors/state_changes.hpp"

namespace platen::cli {

nlohmann::json fields_json(const actors::vm_template::state& value);
nlohmann::json fields_json(const actors::instance::state& value);
nlohmann::json fields_json(const actors::service_group::state& value);

// The entity of a stream; null where there is none.
nlohmann::json entity_json(const actors::world& all, const std::string& stream);

// What became different in the entity of a stream.
std::vector<actors::field_change> entity_changes(const actors::world& before,
                                                 const actors::world& after,
                                                 const std::string& stream);

// The scalar at a path such as "last_failure.stage" or "spec.services[0].port"; nullptr if there is
// none.
const nlohmann::json* field_at(const nlohmann::json& state, const std::string& path);

// The paths of all scalars a state may have, without those inside lists; lists by their own name.
const std::vector<std::string>& field_names();

// "lifecycle: preparing → preparation_failed"; moments are written as times.
std::string to_text(const actors::field_change& change);

// "field: value" lines of everything that is not empty.
std::string fields_text(const nlohmann::json& state);

}  // namespace platen::cli
