// How a running VM becomes a snapshot, or is put to sleep.
#include <signal.h>

#include <boost/asio/detached.hpp>
#include <exception>

#include "hypervisor/qemu/identity.hpp"
#include "hypervisor/qemu/vm.hpp"
#include "hypervisor/qemu/warm_pool.hpp"

namespace platen::hypervisor::qemu {

namespace {

constexpr milliseconds clock_limit{2'000};

}  // namespace

void vm::refuse_to_save(stage where, const std::string& reason) {
  failed what;
  what.where = where;
  what.reason = reason;
  what.runs_on = state_ != state::ended && is_instance();
  tell(std::move(what));
}

task<void> vm::snapshot(std::string snapshot_id) {
  const auto self = shared_from_this();
  if (state_ == state::saving) {
    if (saving_as_ != snapshot_id)
      refuse_to_save(stage::snapshot, "the VM to snapshot is being saved already");
    co_return;
  }
  if (state_ != state::running) {
    refuse_to_save(stage::snapshot, "the VM to snapshot is not running");
    co_return;
  }
  if (!is_instance() && !signalled_) {
    refuse_to_save(stage::snapshot, "the VM to snapshot has not signalled");
    co_return;
  }
  const auto in_progress = host_.warm->order_begins();
  state_ = state::saving;
  saving_as_ = snapshot_id;
  const auto place = co_await host_.snapshot_places->acquire();
  tl::expected<snapshot_info, failure> info = fail(stage::snapshot, "unfinished");
  try {
    info = co_await try_snapshot(std::move(snapshot_id));
  } catch (const std::exception& error) {
    info = fail(stage::snapshot, error.what());
  }
  if (!info) {
    const bool goes_on = co_await runs_on(info.error());
    if (!goes_on) co_await abandon(info.error());
    co_return;
  }
  co_await delete_directory();
  became_snapshot_ = true;
  host_.warm->note_made(info->snapshot_id);
  tell(snapshotted{*info});
  exited end;
  end.reason = "the VM has become the snapshot " + info->snapshot_id;
  become_ended({ref_, std::move(end)});
}

task<tl::expected<snapshot_info, failure>> vm::try_snapshot(std::string snapshot_id) {
  if (!asked_to_end_.empty()) co_return fail(stage::snapshot, asked_to_end_);
  const auto saved = co_await save_state();
  if (!saved) co_return fail(stage::snapshot, saved.error());
  const auto gone = co_await quit_qemu();
  if (!gone) co_return fail(stage::snapshot, gone.error());
  auto draft = record_.facts;
  draft.snapshot_id = std::move(snapshot_id);
  auto store = [this, draft] {
    // What the guest's kernel has zeroed is in its shared file; an instance's is never written out.
    // A file system that cannot make holes keeps them.
    if (!is_instance()) static_cast<void>(punch_zeros(path_ / memory_name));
    return host_.snapshots.store(path_, draft, !is_instance());
  };
  auto info = co_await on_pool(host_.slow_pool, std::move(store));
  if (!info) co_return fail(stage::snapshot, info.error());
  co_return std::move(*info);
}

task<void> vm::suspend() {
  const auto self = shared_from_this();
  if (state_ == state::ended) {
    if (last_report_) host_.report_to_actor(*last_report_);
    co_return;
  }
  if (state_ == state::saving) {
    if (!saving_as_.empty())
      refuse_to_save(stage::suspend, "the VM to suspend is becoming a snapshot");
    co_return;
  }
  if (state_ != state::running || !is_instance()) {
    refuse_to_save(stage::suspend, is_instance() ? "the VM to suspend is not running yet"
                                                 : "a template's preparation is not suspended");
    co_return;
  }
  const auto in_progress = host_.warm->order_begins();
  state_ = state::saving;
  saving_as_.clear();
  const auto place = co_await host_.snapshot_places->acquire();
  tl::expected<suspended, failure> asleep = fail(stage::suspend, "unfinished");
  try {
    asleep = co_await try_suspend();
  } catch (const std::exception& error) {
    asleep = fail(stage::suspend, error.what());
  }
  if (!asleep) {
    const bool goes_on = co_await runs_on(asleep.error());
    if (!goes_on) co_await lose(asleep.error());
    co_return;
  }
  become_ended({ref_, *asleep});
  host_.report_to_actor(*last_report_);
}

// The manifest is written while QEMU is still there, so that there is no moment at which a daemon
// that dies would lose the VM: without the manifest the guest goes on, with it, it is suspended.
task<tl::expected<suspended, failure>> vm::try_suspend() {
  auto draft = std::make_shared<manifest>(record_.facts);
  auto read_what_is_fixed = [this, draft] {
    return host_.snapshots.collect_fixed_facts(path_, *draft);
  };
  const auto fixed = co_await on_pool(host_.slow_pool, std::move(read_what_is_fixed));
  if (!fixed) co_return fail(stage::suspend, fixed.error());
  if (!asked_to_end_.empty()) co_return fail(stage::suspend, asked_to_end_);
  const auto saved = co_await save_state();
  if (!saved) co_return fail(stage::suspend, saved.error());
  auto seal = [this, draft] { return host_.snapshots.seal(path_, *draft); };
  const auto bytes = co_await on_pool(host_.slow_pool, std::move(seal));
  if (!bytes) co_return fail(stage::suspend, bytes.error());
  const auto gone = co_await quit_qemu();
  // Nothing of the VM is in the process any more.
  if (!gone) co_await end_process();
  if (!asked_to_end_.empty()) co_return fail(stage::suspend, asked_to_end_);
  co_return suspended{*bytes};
}

task<bool> vm::runs_on(failure why) {
  if (!is_instance() || process_gone_.is_set() || !asked_to_end_.empty()) co_return false;
  const auto continued = co_await go_on();
  if (!continued) co_return false;
  co_await agent_.set_clock(wall_clock_ns(), clock_limit);
  state_ = state::running;
  failed what;
  what.where = why.where;
  what.reason = why.reason;
  what.runs_on = true;
  tell(std::move(what));
  // What was missed while it was being saved: an end, an order to end it, a refusal.
  if (process_gone_.is_set()) asio::co_spawn(host_.io, report_end(), asio::detached);
  if (!asked_to_end_.empty()) signal_process(SIGKILL);
  if (!signalled_ && last_signal_ > 0) send_refusal();
  co_return true;
}

// It ended while it was to be suspended, or was ended because it cannot go on. Its directory stays
// for its logs.
task<void> vm::lose(failure why) {
  co_await process_gone_.wait(milliseconds(200));
  co_await end_process();
  auto forget = [&store = host_.snapshots, path = path_] {
    store.unseal(path);
    return true;
  };
  co_await on_pool(host_.slow_pool, std::move(forget));
  // Of two orders, the suspend and the one that cut it short, each has its own answer.
  if (!asked_to_end_.empty() && !removing_) {
    failed what;
    what.where = why.where;
    what.reason = asked_to_end_;
    tell(std::move(what));
  }
  auto end = make_exited();
  if (asked_to_end_.empty()) end.reason += "; it was being suspended: " + why.reason;
  const report last{ref_, std::move(end)};
  if (!removing_) host_.report_to_actor(last);
  become_ended(last);
}

}  // namespace platen::hypervisor::qemu
