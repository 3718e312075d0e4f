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

// Starts a stopped, sleeping or failed instance, from its memory if that was kept; nothing where it
// runs or is on its way.
struct start {
  static constexpr std::string_view name = "start";
};

// `drain_ms`, of an instance that runs in a service group: nothing new is sent to it, and it ends
// when what it has in hand is done, or so much later; 0: at once. Without a group nobody knows what
// it has in hand, and it ends at once. One that drains already goes on as it is, until a stop
// without.
//
// A gentle stop leaves a suspended instance as it is, but no request wakes it any more; a forced
// one gives its memory up.
struct stop {
  static constexpr std::string_view name = "stop";
  bool force = false;
  std::uint32_t grace_ms = 0;
  std::uint32_t drain_ms = 0;
  std::int64_t now_us = 0;
};

struct remove {
  static constexpr std::string_view name = "remove";
};

// Puts a running instance to sleep with its memory; `drain_ms` as in stop. What sleeps in standby
// stays asleep until it is started.
struct suspend {
  static constexpr std::string_view name = "suspend";
  std::uint32_t drain_ms = 0;
  std::int64_t now_us = 0;
};

// It drains, and nothing is in flight at it any more.
struct drained {
  static constexpr std::string_view name = "drained";
};

// Scale to zero: nobody needs it. Suspends it, or stops it where its policy is not stateful;
// nothing where it does not run or is not to sleep.
struct doze {
  static constexpr std::string_view name = "doze";
  std::uint32_t grace_ms = 0;
};

// It has served so many requests, and none is in flight: deleted if that is what it was to serve.
struct use_up {
  static constexpr std::string_view name = "use_up";
  std::uint64_t requests = 0;
};

// What it has served so far, if that is more than is known and it is to serve a certain number.
struct count_requests {
  static constexpr std::string_view name = "count_requests";
  std::uint64_t requests = 0;
};

// Makes a template of a running instance, with its memory, or of a stopped one. Its guest can ask
// for it only while it runs, and names its attempt.
struct convert {
  static constexpr std::string_view name = "convert";
  std::uint64_t autokill_ms = 0;
  std::optional<std::uint32_t> by_guest_of;
};

// The template that it was to become is durable.
struct template_made {
  static constexpr std::string_view name = "template_made";
};

// As in events::vm_spec.
struct scaling {
  std::string policy;
  bool stateful = false;
  std::uint32_t cooldown_ms = 0;
  std::uint32_t notify_ms = 0;
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
  std::optional<std::uint64_t> autokill_requests;
  std::optional<scaling> scale_to_zero;
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
struct vm_suspended {
  static constexpr std::string_view name = "vm_suspended";
  std::uint32_t attempt = 0;
  std::uint64_t state_bytes = 0;
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
  bool runs_on = false;  // a suspend or a snapshot, and the guest goes on as if nothing was
};
// The VM disappeared together with an earlier daemon.
struct vm_lost {
  static constexpr std::string_view name = "vm_lost";
  std::uint32_t attempt = 0;
  std::int64_t now_us = 0;
};

using command =
    std::variant<request, start, stop, remove, suspend, drained, doze, use_up, count_requests,
                 convert, template_made, change, wake, clone_granted, clone_refused, vm_running,
                 vm_suspended, vm_exited, vm_failed, vm_lost>;

outcome decide(const state& now, const command& what);

// Milliseconds to wait before the n-th restart in a row (n from 1): none, then 5 s, doubling, at
// most 5 min. A run of healthy_run_us ends the row. The figures are those of the platform that the
// API is modelled on.
std::uint64_t restart_backoff_ms(std::uint32_t restart);
inline constexpr std::int64_t healthy_run_us = 10'000'000;

}  // namespace platen::actors::instance
