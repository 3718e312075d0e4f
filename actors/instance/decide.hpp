// What an instance does about a command. Pure: time, ids and limits arrive inside the command.
#pragma once

#include <string_view>
#include <variant>

#include "actors/instance/state.hpp"
#include "actors/outcome.hpp"

namespace platen::actors::instance {

// First command of every instance. With `autostart` it starts in the same breath.
struct request {
  static constexpr std::string_view name = "request";
  events::instance_requested what;
};

// Starts a stopped or failed instance; nothing where it runs or is on its way.
struct start {
  static constexpr std::string_view name = "start";
};

struct stop {
  static constexpr std::string_view name = "stop";
  bool force = false;
  std::uint32_t grace_ms = 0;
};

struct remove {
  static constexpr std::string_view name = "remove";
};

// ---- the template's answer to a wanted grant
// -----------------------------------------------------

// Each repeats the version that the instance had while it waited; the answer to an earlier wait
// changes nothing.
struct clone_granted {
  static constexpr std::string_view name = "clone_granted";
  std::uint64_t waiting_version = 0;
  std::string snapshot_id;
};
struct clone_refused {
  static constexpr std::string_view name = "clone_refused";
  std::uint64_t waiting_version = 0;
  std::string stage;
  std::string reason;
  std::string console_tail;
};

// ---- reports of the hypervisor: each names its attempt, a stale one changes nothing
// --------------

struct vm_running {
  static constexpr std::string_view name = "vm_running";
  std::uint32_t attempt = 0;
  std::string accelerator;
  std::uint32_t pid = 0;
  std::string generation_id;
  std::vector<std::pair<std::uint16_t, std::uint16_t>> ports;  // guest port, host port
};
struct vm_exited {
  static constexpr std::string_view name = "vm_exited";
  std::uint32_t attempt = 0;
  bool exit_known = false;
  std::int32_t exit_code = 0;
  std::string reason;
  std::string console_tail;
};
struct vm_failed {
  static constexpr std::string_view name = "vm_failed";
  std::uint32_t attempt = 0;
  std::string stage;
  std::string reason;
  std::string console_tail;
};
// The VM disappeared together with an earlier daemon.
struct vm_lost {
  static constexpr std::string_view name = "vm_lost";
  std::uint32_t attempt = 0;
};

using command = std::variant<request, start, stop, remove, clone_granted, clone_refused, vm_running,
                             vm_exited, vm_failed, vm_lost>;

outcome decide(const state& now, const command& what);

}  // namespace platen::actors::instance
