// The control plane on a given actor system, clock and source of ids: what control_plane::start
// uses with real ones, and what tests use with the deterministic scheduler.
#pragma once

#include <caf/all.hpp>

#include "actors/control_plane.hpp"

namespace platen::actors {

struct owned_system {
  caf::actor_system_config config;
  caf::actor_system system{config};
};

struct plane_setup {
  std::unique_ptr<owned_system> own;  // null where the caller keeps the actor system
  caf::actor_system& system;
  std::function<std::int64_t()> now_us;
  std::function<std::string()> new_uuid;
};

tl::expected<std::unique_ptr<control_plane>, std::string> start_plane(plane_setup setup,
                                                                      options how,
                                                                      store::event_log& log,
                                                                      hypervisor::driver& driver);

}  // namespace platen::actors
