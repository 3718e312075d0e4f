// What a template does about a command. Pure: time, ids and limits arrive inside the command.
//
// This is where a second request joins the first: see make_prepared() in decide.cpp.
#pragma once

#include <string_view>
#include <variant>

#include "actors/edit.hpp"
#include "actors/outcome.hpp"
#include "actors/template/state.hpp"

namespace platen::actors::vm_template {

// First command of every template.
struct request {
  static constexpr std::string_view name = "request";
  events::template_requested what;
};

// First command of a template that was an instance, in place of `request`: with its snapshot, or
// without one if it is cold. Repeated, it changes nothing.
struct take_over {
  static constexpr std::string_view name = "take_over";
  events::template_requested what;
  std::optional<events::template_snapshotted> snapshot;
  bool delete_lock = false;
};

// Somebody will want clones, an instance that is being created or a template that is to be nested
// in this one, and depends on the snapshot until it says release. With `prepare` it is made now.
struct hold {
  static constexpr std::string_view name = "hold";
  std::string by;
  bool prepare = false;
  std::int64_t now_us = 0;
};
struct release {
  static constexpr std::string_view name = "release";
  std::string by;
};

// An instance wants a clone. The answer follows from the state afterwards: granted if the instance
// is in clones_in_flight, otherwise it waits (or, if there is a settled failure, is refused).
struct request_clone {
  static constexpr std::string_view name = "request_clone";
  std::string instance_id;
  std::int64_t now_us = 0;
};

// Somebody wants the template prepared, but no clone of it yet.
struct request_preparation {
  static constexpr std::string_view name = "request_preparation";
  std::int64_t now_us = 0;
};

// The time named by effects::wake_at_us has come. The console is for the story of a failure.
struct wake {
  static constexpr std::string_view name = "wake";
  std::int64_t now_us = 0;
  std::string console_tail;
  // What the timer that has run was waiting for: it has come, even if the wall clock was set back
  // meanwhile. 0: no timer has run.
  std::int64_t due_us = 0;
};

// What became of the clone; idempotent.
struct clone_done {
  static constexpr std::string_view name = "clone_done";
  std::string instance_id;
  bool running = false;
};

struct remove {
  static constexpr std::string_view name = "remove";
};

// What is absent stays as it is.
struct change {
  static constexpr std::string_view name = "change";
  std::optional<list_edit> tags;
  std::optional<bool> delete_lock;
  std::optional<std::uint64_t> autokill_ms;
};

// ---- the parent's answer to a nested template's wanted clone
// -------------------------------------

// Each repeats the attempt that waited; the answer to an earlier one changes nothing.
struct parent_granted {
  static constexpr std::string_view name = "parent_granted";
  std::uint64_t attempt = 0;
  std::string parent_id;
  std::string snapshot_id;
};
struct parent_refused {
  static constexpr std::string_view name = "parent_refused";
  std::uint64_t attempt = 0;
  std::string stage;
  std::string reason;
  std::string console_tail;
};

// ---- reports of the hypervisor: each names its attempt, a stale one changes nothing
// --------------

struct vm_booted {
  static constexpr std::string_view name = "vm_booted";
  std::uint32_t attempt = 0;
  std::string accelerator;
  std::uint32_t pid = 0;
};
struct vm_signalled {
  static constexpr std::string_view name = "vm_signalled";
  std::uint32_t attempt = 0;
};
struct vm_snapshotted {
  static constexpr std::string_view name = "vm_snapshotted";
  std::uint32_t attempt = 0;
  events::template_snapshotted what;
};
// The VM ended or could not be made.
struct vm_failed {
  static constexpr std::string_view name = "vm_failed";
  std::uint32_t attempt = 0;
  std::string stage;
  std::string reason;
  std::string console_tail;
};
// The VM disappeared together with an earlier daemon: the preparation starts again.
struct vm_lost {
  static constexpr std::string_view name = "vm_lost";
  std::uint32_t attempt = 0;
  std::int64_t now_us = 0;
};
// A stored snapshot did not verify, is stale (hypervisor::stale_snapshot), or is not there any
// more. A stale one is kept where no other can be made: of an instance that was converted, or a
// template that is deleted while its instances can still be started.
struct snapshot_damaged {
  static constexpr std::string_view name = "snapshot_damaged";
  std::string snapshot_id;
  std::string reason;
};

using command =
    std::variant<request, take_over, hold, release, request_clone, request_preparation, wake,
                 clone_done, remove, change, parent_granted, parent_refused, vm_booted,
                 vm_signalled, vm_snapshotted, vm_failed, vm_lost, snapshot_damaged>;

outcome decide(const state& now, const command& what);

// Milliseconds to wait after the n-th consecutive failure (n from 1): 1 s, doubling, at most 5 min.
std::uint64_t backoff_ms(std::uint32_t consecutive_failures);

}  // namespace platen::actors::vm_template
