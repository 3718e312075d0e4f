// What a service group does about a command. Pure: time and names arrive inside the command. Rules
// between groups (names, domains and ports that others have) are in groups.cpp.
#pragma once

#include <string_view>
#include <variant>

#include "actors/outcome.hpp"
#include "actors/service/state.hpp"

namespace platen::actors::service_group {

// First command of every group. One that is made with an instance has it from the beginning.
struct request {
  static constexpr std::string_view name = "request";
  events::service_group_requested what;
  std::string first_instance;  // empty: none yet
};

// An instance is about to be made in this group.
struct join {
  static constexpr std::string_view name = "join";
  std::string instance_id;
};

// An instance of this group is gone, or was never made.
struct leave {
  static constexpr std::string_view name = "leave";
  std::string instance_id;
};

struct change {
  static constexpr std::string_view name = "change";
  settings to;
};

// By a client.
struct remove {
  static constexpr std::string_view name = "remove";
};

// From now on the group makes and deletes instances by itself.
struct configure_autoscale {
  static constexpr std::string_view name = "configure_autoscale";
  autoscale how;
};

// Instances of its own making are ended.
struct remove_autoscale {
  static constexpr std::string_view name = "remove_autoscale";
};

// What is seen of its traffic; `new_ids` are UUIDs for instances to be made.
struct scale {
  static constexpr std::string_view name = "scale";
  load seen;
  std::vector<std::string> new_ids;
  std::int64_t now_us = 0;
};

// An instance of its own making could not be made.
struct scale_failed {
  static constexpr std::string_view name = "scale_failed";
  std::string instance_id;
  std::string reason;
};

// `due_us` has come: it was wanted().expires_at_us, and may not be any more.
struct expire {
  static constexpr std::string_view name = "expire";
  std::int64_t due_us = 0;
};

using command = std::variant<request, join, leave, change, remove, configure_autoscale,
                             remove_autoscale, scale, scale_failed, expire>;

outcome decide(const state& now, const command& what);

}  // namespace platen::actors::service_group
