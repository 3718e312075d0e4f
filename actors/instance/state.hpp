// What is known of one instance, folded from its stream, and what the world should do about it.
//
// Reading order of an entity: state.hpp, decide.hpp, actor.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "events/envelope.hpp"

namespace platen::actors::instance {

// The names are those of the design, the CLI and the API's `lifecycle` field.
enum class lifecycle {
  none,  // the stream is empty
  waiting_for_template,
  cloning,
  booting,
  running,
  stopping,
  stopped,
  failed,
  deleted
};

std::string_view to_string(lifecycle value);

struct failure {
  std::string stage;
  std::string reason;
  std::string console_tail;
  std::int64_t at_us = 0;
  friend bool operator==(const failure&, const failure&) = default;
};

struct stop_facts {
  bool by_user = false;
  bool exit_known = false;
  std::int32_t exit_code = 0;
  std::string reason;
  friend bool operator==(const stop_facts&, const stop_facts&) = default;
};

struct state {
  std::string id;             // UUID
  std::uint64_t version = 0;  // of the newest event folded in
  std::string name;           // unique among living instances
  std::string template_id;    // empty: boots its own image
  std::string template_name;
  events::vm_spec spec;  // services carry their host ports while running

  lifecycle phase = lifecycle::none;
  std::int64_t created_us = 0;
  std::int64_t phase_since_us = 0;
  std::uint32_t attempt = 0;  // VMs started so far
  std::string snapshot_id;    // clones: what the current VM was made from
  std::string accelerator;
  std::uint32_t pid = 0;
  std::string generation_id;
  std::uint64_t wait = 0;  // waiting_for_template: the version that began it, which names the wait
  std::string caused_by;   // the request id behind the newest start or stop
  std::int64_t requested_us = 0;  // when the present start was asked for
  std::int64_t started_us = 0;    // when it last became running
  std::int64_t stopped_us = 0;
  std::uint32_t start_count = 0;   // times it became running
  std::uint32_t restarts = 0;      // by its restart policy since somebody last started it
  std::int64_t restart_at_us = 0;  // stopped or failed with a restart scheduled; 0: none
  bool delete_lock = false;
  std::int64_t changed_us = 0;  // when it was last changed
  bool force_stop = false;      // in phase stopping
  std::uint32_t stop_grace_ms = 0;
  std::optional<failure> last_failure;  // cleared by the next successful start
  std::optional<stop_facts> last_stop;
  std::string service_group_id;  // empty: none

  friend bool operator==(const state&, const state&) = default;
};

// Total and pure: replay is a fold of this. Events it does not know change only the version.
state evolve(state before, const events::envelope& event);
// The same in place.
void fold_into(state& value, const events::envelope& event);

// True where nothing is under way: running, stopped, failed or deleted.
bool settled(const state& value);

// Deleted: it may be forgotten.
bool forgettable(const state& value);

// ---- what the world should be doing while the instance is in this state ------------------------

enum class vm_goal {
  absent,  // no VM, no files
  idle,    // no VM; the files of the last one stay for its logs
  cloned,  // a clone of snapshot_id runs
  booted,  // a VM booted from the image runs
  stopped  // the VM ends: asked first, killed after the grace
};

struct effects {
  vm_goal vm = vm_goal::absent;
  std::uint32_t attempt = 0;
  bool wants_grant = false;                // ask the template for a clone
  std::optional<std::int64_t> wake_at_us;  // a scheduled restart, or the autokill
  friend bool operator==(const effects&, const effects&) = default;
};

effects wanted(const state& value);

}  // namespace platen::actors::instance
