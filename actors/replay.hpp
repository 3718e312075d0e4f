// The whole world as a log tells it: every entity's state, folded with the same evolve functions
// that the running actors use. Effects play no part.
#pragma once

#include <map>
#include <string>

#include "actors/instance/state.hpp"
#include "actors/service/state.hpp"
#include "actors/template/state.hpp"
#include "store/event_log.hpp"

namespace platen::actors {

template <class State>
using by_uuid = std::map<std::string, State, std::less<>>;

struct world {
  std::uint64_t sequence = 0;  // of the last event folded in
  // The first event that was written by a newer schema than this program's; 0: none. What it means
  // for its entity is not known.
  std::uint64_t first_newer = 0;
  std::uint16_t newest_schema = 0;
  by_uuid<vm_template::state> templates;
  by_uuid<instance::state> instances;
  by_uuid<service_group::state> services;
};

// Folds one event in. Streams of other kinds count only towards `sequence`.
void apply(world& all, const events::envelope& event);

// Folds the log up to and including `up_to` (0: all of it).
store::result<world> replay(const store::event_log& log, std::uint64_t up_to = 0);

// Stream names: the kind, a slash, the entity's UUID.
std::string template_stream(const std::string& uuid);
std::string instance_stream(const std::string& uuid);
bool is_template_stream(std::string_view stream);
std::string service_stream(const std::string& uuid);
bool is_service_stream(std::string_view stream);
bool is_entity_stream(std::string_view stream);  // a template's, an instance's, a service group's
inline constexpr const char* system_stream = "system/platend";

}  // namespace platen::actors
