// Which fields of a state an event changed. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace platen::cli {

struct field_change {
  std::string field;      // "lifecycle", "failure.stage", "services[0].host_port"
  nlohmann::json before;  // null: it was not there
  nlohmann::json after;   // null: it is gone
  friend bool operator==(const field_change&, const field_change&) = default;
};

// Scalars are compared one by one, by their path; in the order of the paths.
std::vector<field_change> differences(const nlohmann::json& before, const nlohmann::json& after);

// The scalar at a path such as "failure.stage"; nullptr if there is none.
const nlohmann::json* field_at(const nlohmann::json& state, const std::string& path);

// "lifecycle: preparing → preparation_failed", with "-" for what is not there.
std::string to_text(const field_change& change);

}  // namespace platen::cli
