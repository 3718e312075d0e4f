// What is known of one instance, folded from its stream, and what the world should do about it.
//
// Reading order of an entity: state.hpp, decide.hpp, actor.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/rare.hpp"
#include "events/envelope.hpp"

namespace platen::actors::instance {

// The names are those of the design, the CLI and the API's `lifecycle` field.
enum class lifecycle {
  none,  // the stream is empty
  waiting_for_template,
  cloning,
  booting,
  running,
  draining,  // gets nothing new; stopped or suspended when what it has in hand is done
  stopping,
  stopped,
  failed,
  suspending,
  suspended,  // on request: only a start wakes it
  standby,    // by scale to zero: a request wakes it. With suspended_attempt it has its memory
  resuming,   // a new VM goes on where suspended_attempt was put to sleep
  converting,
  converted,  // it is a template of the same UUID now
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

// What it becomes a template with.
struct conversion {
  std::string snapshot_id;  // empty: a cold template
  std::uint64_t autokill_ms = 0;
  bool by_guest = false;
  friend bool operator==(const conversion&, const conversion&) = default;
};

// What follows when nothing is in flight any more, or it is too late to wait for it.
struct draining {
  std::int64_t until_us = 0;
  bool suspend = false;
  std::uint32_t grace_ms = 0;  // of the stop
  friend bool operator==(const draining&, const draining&) = default;
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
  bool standby = false;  // in phase suspending, stopping, standby: a request is to wake it
  std::uint32_t suspended_attempt = 0;  // the VM whose memory is kept on disk; 0: none
  std::uint64_t suspended_bytes = 0;    // of that
  std::uint32_t resumed_from = 0;  // the suspended VM that the present one goes on from; 0: none
  rare<conversion> becomes;        // in phases converting and converted
  rare<draining> drain;            // in phase draining
  // What its VM was to become and did not: a suspend or a conversion that failed, and it ran on.
  rare<failure> last_setback;
  rare<failure> last_failure;  // cleared by the next successful start
  std::optional<stop_facts> last_stop;
  std::string service_group_id;  // empty: none
  // Of the requests it is to serve, as far as recorded: never more than it has got.
  std::uint64_t requests_served = 0;

  friend bool operator==(const state&, const state&) = default;
};

// Total and pure: replay is a fold of this. Events it does not know change only the version.
state evolve(state before, const events::envelope& event);
// The same in place.
void fold_into(state& value, const events::envelope& event);

// True where nothing is under way: running, stopped, asleep, failed or gone.
bool settled(const state& value);

// Deleted, or a template now: it may be forgotten.
bool forgettable(const state& value);

// What may be asked of it: it exists and is still an instance.
bool is_there(const state& value);

// Its policy puts it to sleep when nobody needs it.
bool scales_to_zero(const events::vm_spec& spec);

// It has no VM, but its memory is kept and a start goes on from there.
bool has_suspended_state(const state& value);

// ---- what the world should be doing while the instance is in this state ------------------------

enum class vm_goal {
  absent,   // no VM, no files
  idle,     // no VM; the files of the last one stay for its logs
  cloned,   // a clone of snapshot_id runs
  booted,   // a VM booted from the image runs
  resumed,  // one that goes on from kept_attempt runs
  asleep,   // the VM is suspended
  frozen,   // the VM is turned into the snapshot of a template
  stopped   // the VM ends: asked first, killed after the grace
};

struct effects {
  vm_goal vm = vm_goal::absent;
  std::uint32_t attempt = 0;
  std::uint32_t kept_attempt = 0;            // a suspended VM whose files must stay; 0: none
  bool wants_grant = false;                  // ask the template for a clone
  bool wants_cold_template = false;          // ask for the template that it becomes
  std::optional<std::string> keep_snapshot;  // any other snapshot of this instance is garbage
  // A scheduled restart, the end of a drain, or the autokill.
  std::optional<std::int64_t> wake_at_us;
  friend bool operator==(const effects&, const effects&) = default;
};

effects wanted(const state& value);

// What its VM was told to be when it was started.
vm_goal goal_of_running(const state& value);

}  // namespace platen::actors::instance
