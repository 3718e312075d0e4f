// What every actor needs from outside, injected so that tests can put it under their control.
// Everything referred to outlives the actor system.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "actors/directory.hpp"
#include "actors/instance/state.hpp"
#include "actors/service/state.hpp"
#include "actors/template/state.hpp"
#include "hypervisor/hypervisor.hpp"
#include "store/event_log.hpp"

namespace platen::actors {

struct runtime {
  store::event_log& log;
  hypervisor::driver& driver;
  directory<vm_template::state>& templates;
  directory<instance::state>& instances;
  directory<service_group::state>& services;
  std::function<std::int64_t()> now_us;  // wall clock, microseconds since the Unix epoch
  std::function<std::string()> new_uuid;
  // The log failed: nothing may be acknowledged any more.
  std::function<void(const std::string&)> on_fatal;
  // Commands of one entity that may wait while an append is under way; one more is refused.
  std::size_t max_waiting_commands = 4096;
};

}  // namespace platen::actors
