// What is known of one template, folded from its stream, and what the world should do about it.
//
// Reading order of an entity: state.hpp, decide.hpp, actor.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "actors/rare.hpp"
#include "events/envelope.hpp"

namespace platen::actors::vm_template {

// The names are those of the design, the CLI and the API's `lifecycle` field. A template that has
// clones in flight is shown as "cloning"; it stays `snapshotted` here.
enum class lifecycle {
  none,  // the stream is empty
  requested,
  waiting_for_parent,  // nested: its VM will be a clone of another template
  preparing,
  awaiting_guest_signal,
  snapshotting,
  snapshotted,
  cold,  // there is nothing to prepare: instances of it boot
  preparation_failed,
  autokilled,
  deleted
};

std::string_view to_string(lifecycle value);

struct failure {
  std::uint32_t attempt = 0;
  std::string stage;
  std::string reason;
  std::string console_tail;
  std::int64_t at_us = 0;
  std::uint64_t retry_after_ms = 0;
  friend bool operator==(const failure&, const failure&) = default;
};

struct snapshot {
  std::string id;
  std::string accelerator;
  std::string manifest_sha256;
  std::uint64_t memory_bytes = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t disk_bytes = 0;
  std::int64_t taken_us = 0;
  friend bool operator==(const snapshot&, const snapshot&) = default;
};

struct state {
  std::string id;             // UUID
  std::uint64_t version = 0;  // of the newest event folded in
  std::string name;           // unique among living templates; empty: anonymous
  events::vm_spec spec;       // the resolved create_args
  std::string fingerprint;
  std::uint64_t prepare_timeout_ms = 0;  // 0: waits for ever
  std::uint64_t autokill_ms = 0;         // from its last clone; 0: kept until it is deleted
  bool delete_lock = false;
  bool cold = false;  // not prepared so far, and its instances do not ask for it: they boot
  // The instance it was; empty: none. It is as that was left, and is not prepared anew.
  std::string converted_from;
  std::string parent_id;  // nested: the template it is prepared from, and that one's name
  std::string parent_name;

  lifecycle phase = lifecycle::none;
  std::int64_t created_us = 0;
  std::int64_t phase_since_us = 0;
  std::uint32_t attempt = 0;               // preparations started so far
  std::uint32_t consecutive_failures = 0;  // since the last success
  std::int64_t deadline_us = 0;            // of the running preparation; 0: none
  std::int64_t retry_at_us = 0;            // preparation_failed with a retry scheduled; 0: none
  std::string parent_snapshot_id;          // what the preparing VM is a clone of; empty: it boots
  std::int64_t changed_us = 0;             // when lock or autokill were last changed
  std::string accelerator;                 // of the running preparation, once booted
  std::uint32_t pid = 0;
  std::string caused_by;  // the request id behind the newest preparation
  rare<failure> last_failure;
  std::optional<snapshot> ready;           // in phase snapshotted, and after deletion while held
  std::set<std::string> clones_in_flight;  // ids of instances, and of templates nested in this one
  std::set<std::string> holders;           // of those that depend on the snapshot, see TemplateHeld
  std::uint64_t clones_made = 0;
  std::int64_t last_clone_us = 0;

  friend bool operator==(const state&, const state&) = default;
};

// Total and pure: replay is a fold of this. Events it does not know change only the version.
state evolve(state before, const events::envelope& event);
// The same in place.
void fold_into(state& value, const events::envelope& event);

// Its snapshot was whole, but made with what this host no longer has; the failure's reason names
// what differs. The next request that wants it prepares it anew.
bool stale(const state& value);

// "preparing", ..., with "cloning" for a snapshotted template that has clones in flight, and
// "stale".
std::string_view shown_lifecycle(const state& value);

// True where a request for a clone need not wait any longer: it can be granted or must fail.
bool settled(const state& value);

// Deleted, by somebody or by its autokill: its name is free.
bool gone(const state& value);

// Gone, and nobody needs its snapshot any more: it may be forgotten.
bool forgettable(const state& value);

// Whether a clone can be made of it now: it has its snapshot, or needs none.
bool cloneable(const state& value);

// The name a preparation's snapshot has, known before it exists so that it can be found after a
// crash between its rename and its event.
std::string snapshot_id(const std::string& template_id, std::uint32_t attempt);

// ---- what the world should be doing while the template is in this state ------------------------

enum class vm_goal {
  absent,  // no VM of this template, no files of one
  idle,    // no VM; the files of the one that became the snapshot stay for their logs
  booted,  // the preparing VM runs until its guest signals
  frozen   // the VM is turned into the snapshot
};

struct effects {
  vm_goal vm = vm_goal::absent;
  std::uint32_t attempt = 0;                 // which VM, for booted and frozen
  bool wants_parent = false;                 // ask the parent for a clone
  std::optional<std::string> keep_snapshot;  // any other snapshot of this template is garbage
  std::optional<std::int64_t> wake_at_us;    // a deadline, a scheduled retry, the autokill
  friend bool operator==(const effects&, const effects&) = default;
};

effects wanted(const state& value);

}  // namespace platen::actors::vm_template
