// Folded states as JSON, for `platen replay`. Members without a value are left out.
#pragma once

#include <nlohmann/json.hpp>

#include "actors/replay.hpp"

namespace platen::cli {

nlohmann::json to_json(const actors::vm_template::state& value);
nlohmann::json to_json(const actors::instance::state& value);
nlohmann::json to_json(const actors::service_group::state& value);
nlohmann::json to_json(const actors::world& all);

}  // namespace platen::cli
