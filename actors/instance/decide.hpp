// What an instance does about a command. Pure: time, ids and limits arrive inside the command.
#pragma once

#include <string_view>
#include <variant>

#include "actors/edit.hpp"
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

// What is absent stays as it is. The VM of a running instance sees it at its next start.
struct change {
  static constexpr std::string_view name = "change";
  std::optional<std::string> image;
  std::optional<list_edit> args;
  std::optional<map_edit> env;
  std::optional<std::uint32_t> memory_mb;
  std::optional<std::uint32_t> vcpus;
  std::optional<std::string> hostname;
  std::optional<list_edit> tags;
  std::optional<map_edit> annotations;
  std::optional<bool> delete_lock;
  std::optional<std::uint64_t> autokill_ms;
};

// The time named by effects::wake_at_us has come.
struct wake {
  static constexpr std::string_view name = "wake";
  std::int64_t now_us = 0;
  // What the timer that has run was waiting for: it has come, even if the wall clock was set back
  // meanwhile. 0: no timer has run.
  std::int64_t due_us = 0;
};

// ---- the template's answer to a wanted grant
// -----------------------------------------------------

// Each repeats state::wait; the answer to an earlier wait changes nothing.
struct clone_granted {
  static constexpr std::string_view name = "clone_granted";
  std::uint64_t waiting_version = 0;
  std::string snapshot_id;  // empty: its template is cold, it boots
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
  std::int64_t now_us = 0;
};
struct vm_failed {
  static constexpr std::string_view name = "vm_failed";
  std::uint32_t attempt = 0;
  std::string stage;
  std::string reason;
  std::string console_tail;
  std::int64_t now_us = 0;
};
// The VM disappeared together with an earlier daemon.
struct vm_lost {
  static constexpr std::string_view name = "vm_lost";
  std::uint32_t attempt = 0;
  std::int64_t now_us = 0;
};

using command = std::variant<request, start, stop, remove, change, wake, clone_granted,
                             clone_refused, vm_running, vm_exited, vm_failed, vm_lost>;

outcome decide(const state& now, const command& what);

// Milliseconds to wait before the n-th restart in a row (n from 1): none, then 5 s, doubling, at
// most 5 min. A run of healthy_run_us ends the row. The figures are those of the platform that the
// API is modelled on.
std::uint64_t restart_backoff_ms(std::uint32_t restart);
inline constexpr std::int64_t healthy_run_us = 10'000'000;

}  // namespace platen::actors::instance
