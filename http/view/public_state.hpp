// The states that clients of the platform API know, and which lifecycle is shown as which.
#pragma once

#include <string_view>

#include "actors/instance/state.hpp"
#include "actors/template/state.hpp"

namespace platen::http {

// "starting", "running", "draining", "stopping", "stopped", "standby", "template" or "deleted".
// What was suspended on request is stopped; its lifecycle tells the difference.
std::string_view public_state(actors::instance::lifecycle phase);

// "template" once it is snapshotted; before that, the state of the VM that is being prepared.
std::string_view public_state(actors::vm_template::lifecycle phase);

}  // namespace platen::http
