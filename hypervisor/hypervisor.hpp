// Where VMs live, as the actors see it: asynchronous orders in, reports out. No word of QEMU here.
//
// Orders return at once. What became of them arrives at the sink given to start(), as reports that
// carry the VM and the attempt they belong to. For each order that names one, exactly one of the
// reports listed beside it follows, later `exited` reports apart. An order that is repeated, or
// that names a VM that is not there, is answered by the same reports and has no second effect.
// All members are thread-safe; the sink is called from the driver's threads and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

namespace platen::hypervisor {

// One life of one VM. `id` is the UUID of the template or instance it belongs to; `attempt` counts
// that entity's VMs from 1, so that a report of an earlier life can be told from the present one.
struct vm_ref {
  std::string id;
  std::uint32_t attempt = 0;
  friend auto operator<=>(const vm_ref&, const vm_ref&) = default;
};

enum class purpose { template_preparation, instance };

struct rom {
  std::string name;  // tells it apart from all other ROMs of the VM, those of its template included
  std::string at;    // absolute mount point in the guest; empty: only /dev/ukp_rom_<name>
  std::string digest;  // names its content in the ROM store, be it files or an image
};

struct variable {
  std::string name;
  std::string value;
};

struct vm_spec {
  std::string image;              // a name in the image store
  std::vector<std::string> args;  // empty: the image's own
  std::vector<variable> env;      // merged over the image's own
  std::uint32_t memory_mb = 128;
  std::uint32_t vcpus = 1;
  std::string hostname;
  std::vector<rom> roms;
  std::vector<std::uint16_t> guest_ports;  // forwarded from loopback, each to a free host port
};

struct boot_order {
  vm_ref vm;
  purpose why = purpose::instance;
  vm_spec spec;
};

// Of an instance, booted or cloned, it may be taken at any time while it runs: that is how an
// instance becomes a template. Clones of it go on where it stood; if its guest was in the write of
// template_instance, where that returns.
struct snapshot_order {
  vm_ref vm;                // an instance, or a template preparation whose guest has signalled
  std::string snapshot_id;  // the snapshot's name from now on
};

// A clone that is a template_preparation is a nested template's: it goes on where the write of the
// template below returns, and a second write of its guest signals again. From there on it is
// snapshotted as a booted preparation is. The new snapshot does not need the old one.
struct clone_order {
  vm_ref vm;
  purpose why = purpose::instance;
  std::string snapshot_id;
  std::string hostname;
  std::vector<rom> roms;
  std::vector<std::uint16_t> guest_ports;
};

// Goes on where a suspended VM was put to sleep: a new life of the same instance, with its memory,
// disk, ROMs and open files; only its clock is set and its ports are forwarded anew. The suspended
// VM's files stay as they are until remove(), so a resume that failed can be tried again; the new
// one does not need them once it is reported.
struct resume_order {
  vm_ref vm;
  std::uint32_t suspended_attempt = 0;
  std::vector<std::uint16_t> guest_ports;
};

enum class sleep_news { coming, called_off };

// Where a preparation, clone or run went wrong; the names are shown to people.
enum class stage { image, disk, boot, guest_signal, snapshot, verify, clone, resume, run, suspend };
std::string_view to_string(stage value);

// ---- reports ----------------------------------------------------------------------------------

struct port_forward {
  std::uint16_t guest_port = 0;
  std::uint16_t host_port = 0;
};

struct running_vm {
  std::string accelerator;  // "kvm", "tcg", "sim"
  std::uint32_t pid = 0;
  std::string generation_id;  // clones: the UUID given on resume
  std::vector<port_forward> ports;
  // Clones: whether it was restored before it was ordered, and the time from the order until the
  // guest ran, in microseconds; 0 for those of an earlier daemon. Its agent answers later.
  bool was_warm = false;
  std::uint64_t ran_after_us = 0;
};

// boot: the guest's agent answered a nonce and the workload was started.
struct booted {
  running_vm vm;
};
// clone: the agent answered a nonce after identity, clock and ROMs were renewed.
struct cloned {
  running_vm vm;
};
// resume: the guest runs again and its agent answered a nonce.
struct resumed {
  running_vm vm;
};
// suspend: memory, devices and disk are on stable storage, and its process is gone.
struct suspended {
  std::uint64_t state_bytes = 0;
};
// The workload wrote to /uk/libukp/template_instance, and the write has not returned: after
// `booted`, or after `cloned` or `resumed` if the guest wrote once more than its template did.
// Whoever does not want a snapshot of an instance says so with refuse_signal().
struct signalled {};

struct snapshot_info {
  std::string snapshot_id;
  std::string accelerator;
  std::string manifest_sha256;
  std::uint64_t memory_bytes = 0;
  std::uint64_t state_bytes = 0;
  std::uint64_t disk_bytes = 0;
};
// snapshot: complete, synced and renamed into place. The preparing VM is gone.
struct snapshotted {
  snapshot_info snapshot;
};

// The VM is gone although nobody asked for it, or after stop/kill.
struct exited {
  bool exit_known = false;  // the workload's exit code was reported by the agent
  std::int32_t exit_code = 0;
  std::string reason;  // a sentence: "the workload exited with code 3"
  std::string console_tail;
};

// Begins the reason why a snapshot is not used that is whole, but was made with what this host no
// longer has: "stale: made with QEMU 7.2, this host has 8.0". Its owner makes another.
inline constexpr std::string_view stale_snapshot = "stale: ";

// The order could not be carried out; what it had made is removed.
// `snapshot_damaged`: the snapshot itself does not verify, or is stale, and must not be used again.
// `runs_on`: suspend, or a snapshot of an instance, and the guest goes on as if nothing was.
struct failed {
  stage where = stage::boot;
  std::string reason;
  std::string console_tail;
  bool snapshot_damaged = false;
  bool runs_on = false;
};

struct report {
  vm_ref vm;
  std::variant<booted, cloned, signalled, snapshotted, exited, failed, resumed, suspended> what;
};
using report_sink = std::function<void(report)>;

// ---- what is there after a restart --------------------------------------------------------------

struct found_vm {
  vm_ref vm;
  purpose why = purpose::instance;
  bool alive = false;      // its process runs
  bool suspended = false;  // it has none, and can be resumed
};

struct unusable_snapshot {
  std::string id;
  std::string reason;  // see stale_snapshot
  friend bool operator==(const unusable_snapshot&, const unusable_snapshot&) = default;
};

struct inventory {
  std::vector<found_vm> vms;           // each VM directory, with or without a live process
  std::vector<std::string> snapshots;  // complete snapshots only
  // Of those, what a look at their manifests and file sizes rules out; contents are not read.
  std::vector<unusable_snapshot> unusable;
};

// ---- clones that wait for their orders ----------------------------------------------------------

// Of one snapshot: clones that are restored and stand still, without an identity yet. The counts of
// orders and failures are since the driver's start.
struct warm_clones {
  std::string snapshot_id;
  std::uint32_t wanted = 0;  // by the orders of the last minutes, within the pool's limits
  std::uint32_t ready = 0;
  std::uint32_t filling = 0;
  std::uint64_t taken = 0;   // orders that got one
  std::uint64_t missed = 0;  // orders that found none ready, or one that was of no use
  std::uint64_t failed = 0;  // clones that could not be made ready, ended, or were of no use
  std::string last_failure;  // a sentence; empty: there was none
  std::uint64_t bytes = 0;   // memory those ready take, a shared page in part
};

struct warm_pool_status {
  std::uint64_t limit_bytes = 0;  // 0: there is no pool
  std::uint64_t bytes = 0;
  std::string held_back;  // why nothing is added just now; empty: nothing speaks against it
  std::vector<warm_clones> snapshots;
};

struct log_chunk {
  std::string bytes;
  std::uint64_t begin = 0;      // offset of bytes[0]
  std::uint64_t available = 0;  // end of the log
};

// What files take on disk. A file that has further names (hard links) counts in full wherever it
// has one, and is in `shared` as well; blocks that a file system shares below files (reflinks)
// cannot be told apart and count for each file.
struct disk_use {
  std::uint64_t logical_bytes = 0;    // as long as they read; holes included
  std::uint64_t allocated_bytes = 0;  // blocks that they occupy
  std::uint64_t shared_bytes = 0;     // of the allocated ones, those of files with further names
};
struct disk_part {
  std::string_view what;  // "memory", "state", "disk", "base", "layers", "roms", "other"
  disk_use use;
};

class driver {
 public:
  virtual ~driver() = default;

  // Looks at what an earlier daemon left behind, removes half-made snapshots, and from then on
  // reports to `sink`. Blocking; called once, before any order.
  virtual tl::expected<inventory, std::string> start(report_sink sink) = 0;

  // Stops reporting and lets go of the VMs without stopping them. Blocking. No report after it.
  virtual void shutdown() = 0;

  virtual std::string_view name() const = 0;         // "qemu", "sim"
  virtual std::string_view accelerator() const = 0;  // "kvm", "tcg", "sim"

  virtual void boot(boot_order order) = 0;          // booted (then signalled) | failed | exited
  virtual void snapshot(snapshot_order order) = 0;  // snapshotted | failed
  virtual void clone(clone_order order) = 0;        // cloned (then signalled) | failed | exited
  virtual void suspend(vm_ref vm) = 0;              // of an instance: suspended | failed | exited
  virtual void resume(resume_order order) = 0;      // resumed | failed | exited
  // The guest's write of an instance that has signalled fails with EOPNOTSUPP, and it goes on.
  virtual void refuse_signal(vm_ref vm) = 0;  // silent
  // Tells an instance's workload that its VM is about to be suspended or stopped, or that it is not
  // after all. Silent; nothing where it does not run. A VM that is adopted, that wakes, or that
  // could not be suspended is told by itself that it goes on.
  virtual void announce_sleep(vm_ref vm, sleep_news what) = 0;
  // Takes over a live VM of an earlier daemon, as if its order had just been given: booted, cloned
  // or resumed and, if it has signalled, signalled; or exited if it is gone or does not answer.
  virtual void adopt(vm_ref vm) = 0;
  virtual void stop(vm_ref vm, std::uint32_t grace_ms) = 0;  // asks the guest, then kills: exited
  virtual void kill(vm_ref vm) = 0;                          // exited
  // Ends what is left of a VM and deletes its files. Silent and idempotent.
  virtual void remove(vm_ref vm) = 0;
  // Deletes a snapshot. Running clones keep what they use. Silent and idempotent.
  virtual void remove_snapshot(std::string snapshot_id) = 0;

  // Clones that are kept ready; of a driver that keeps none, nothing.
  virtual warm_pool_status warm_pool() const { return {}; }

  // A VM's output: of its workload, or the kernel's console. Reads files; empty if there is none.
  // offset < 0 counts from the end.
  enum class log_kind { workload, console };
  virtual log_chunk read_log(const vm_ref& vm, log_kind kind, std::int64_t offset,
                             std::uint64_t limit) const = 0;

  // What a VM's own directory, or a snapshot, takes on disk, each part once. Empty where there is
  // none, or no files. Asks the file system for a few dozen files at most: blocks.
  virtual std::vector<disk_part> vm_disk_use(const vm_ref&) const { return {}; }
  virtual std::vector<disk_part> snapshot_disk_use(const std::string& /*snapshot_id*/) const {
    return {};
  }
};

}  // namespace platen::hypervisor
