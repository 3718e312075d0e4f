#include "hypervisor/sim/sim_driver.hpp"

#include <algorithm>
#include <deque>
#include <utility>

namespace platen::hypervisor {

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;
constexpr std::uint64_t state_bytes = 64 * mebibyte;  // of a suspended VM

class sim_driver final : public driver, public std::enable_shared_from_this<sim_driver> {
 public:
  sim_driver(std::shared_ptr<sim_world> world, scheduler later)
      : world_(std::move(world)), later_(std::move(later)) {}

  tl::expected<inventory, std::string> start(report_sink sink) override {
    const std::lock_guard guard(mutex_);
    sink_ = std::move(sink);
    inventory found;
    for (const auto& [ref, vm] : world_->vms)
      found.vms.push_back({ref, vm.why, vm.alive, vm.suspended});
    found.snapshots.assign(world_->snapshots.begin(), world_->snapshots.end());
    found.unusable = world_->unusable;
    return found;
  }

  void shutdown() override {
    const std::lock_guard guard(mutex_);
    sink_ = nullptr;
  }

  std::string_view name() const override { return "sim"; }
  std::string_view accelerator() const override { return "sim"; }

  void boot(boot_order order) override {
    const std::lock_guard guard(mutex_);
    if (world_->vms.contains(order.vm)) return repeat(order.vm);
    auto& vm = add(order.vm, order.why, order.spec.guest_ports);
    ++world_->boots;
    log(order.vm, "booting " + order.spec.image + "\n");
    if (vm.fault == sim_fault::image_missing) {
      world_->vms.erase(order.vm);
      after(1, order.vm,
            failed{stage::image, "no image named '" + order.spec.image + "'", "", false});
      return;
    }
    const auto ref = order.vm;
    at(takes(ref, world_->timing.boot_ms), [this, ref] { finish_boot(ref); });
  }

  void snapshot(snapshot_order order) override {
    const std::lock_guard guard(mutex_);
    if (world_->snapshots.contains(order.snapshot_id)) {
      tell(order.vm, snapshotted{info(order.snapshot_id)});
      return;
    }
    const auto found = world_->vms.find(order.vm);
    if (found == world_->vms.end() || !found->second.alive) {
      tell(order.vm, failed{stage::snapshot, "there is no such VM", "", false});
      return;
    }
    at(takes(order.vm, world_->timing.snapshot_ms), [this, order] { finish_snapshot(order); });
  }

  void clone(clone_order order) override {
    const std::lock_guard guard(mutex_);
    if (world_->vms.contains(order.vm)) return repeat(order.vm);
    auto& vm = add(order.vm, order.why, order.guest_ports);
    vm.clone = true;
    vm.booted = true;
    ++world_->clones;
    at(takes(order.vm, world_->timing.clone_ms), [this, order] { finish_clone(order); });
  }

  void adopt(vm_ref ref) override {
    const std::lock_guard guard(mutex_);
    repeat(ref);
  }

  void suspend(vm_ref ref) override {
    const std::lock_guard guard(mutex_);
    const auto found = world_->vms.find(ref);
    if (found == world_->vms.end())
      return tell(ref, failed{stage::suspend, "there is no such VM", "", false});
    if (found->second.suspended) return tell(ref, hypervisor::suspended{state_bytes});
    at(takes(ref, world_->timing.suspend_ms), [this, ref] { finish_suspend(ref); });
  }

  void resume(resume_order order) override {
    const std::lock_guard guard(mutex_);
    if (world_->vms.contains(order.vm)) return repeat(order.vm);
    auto& vm = add(order.vm, purpose::instance, order.guest_ports);
    vm.resumed = true;
    vm.booted = true;
    at(takes(order.vm, world_->timing.resume_ms), [this, order] { finish_resume(order); });
  }

  void refuse_signal(vm_ref ref) override {
    const std::lock_guard guard(mutex_);
    auto* vm = living(ref);
    if (vm == nullptr || !std::exchange(vm->signalled, false)) return;
    vm->signal_refused = true;
    ++world_->refused_signals;
    log(ref, "template_instance: Operation not supported\n");
  }

  void announce_sleep(vm_ref ref, sleep_news what) override {
    const std::lock_guard guard(mutex_);
    if (living(ref) == nullptr) return;
    world_->sleep_notices.emplace_back(ref, what);
    log(ref, what == sleep_news::coming ? "scaletozero\n" : "awake\n");
  }

  void stop(vm_ref ref, std::uint32_t) override { end(ref, world_->timing.stop_ms); }
  void kill(vm_ref ref) override { end(ref, 1); }

  void remove(vm_ref ref) override {
    const std::lock_guard guard(mutex_);
    world_->vms.erase(ref);
    world_->logs.erase(ref);
  }

  void remove_snapshot(std::string snapshot_id) override {
    const std::lock_guard guard(mutex_);
    world_->snapshots.erase(snapshot_id);
  }

  log_chunk read_log(const vm_ref& vm, log_kind, std::int64_t offset,
                     std::uint64_t limit) const override {
    const std::lock_guard guard(mutex_);
    const auto found = world_->logs.find(vm);
    if (found == world_->logs.end()) return {};
    const auto size = static_cast<std::int64_t>(found->second.size());
    const auto begin = std::clamp<std::int64_t>(offset < 0 ? size + offset : offset, 0, size);
    return {found->second.substr(static_cast<std::size_t>(begin), limit),
            static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(size)};
  }

 private:
  sim_vm& add(const vm_ref& ref, purpose why, const std::vector<std::uint16_t>& ports) {
    sim_vm vm;
    vm.why = why;
    vm.fault = world_->plan ? world_->plan(ref) : sim_fault::none;
    vm.facts.accelerator = "sim";
    vm.facts.pid = next_pid_++;
    for (const auto port : ports)
      vm.facts.ports.push_back({port, next_port_++});
    return world_->vms[ref] = std::move(vm);
  }

  // An order for a VM that exists is answered by what it has come to.
  void repeat(const vm_ref& ref) {
    const auto found = world_->vms.find(ref);
    if (found == world_->vms.end() || !found->second.alive) {
      tell(ref, exited{false, 0, "the VM is gone", tail(ref)});
      return;
    }
    const auto& vm = found->second;
    if (!vm.booted)
      return at(takes(ref, world_->timing.boot_ms), [this, ref] { finish_boot(ref); });
    if (vm.resumed)
      tell(ref, hypervisor::resumed{vm.facts});
    else if (vm.clone)
      tell(ref, cloned{vm.facts});
    else
      tell(ref, booted{vm.facts});
    if (vm.signalled) return tell(ref, signalled{});
    if (vm.why == purpose::template_preparation || vm.fault == sim_fault::signals) warm_up(ref);
  }

  void finish_suspend(const vm_ref& ref) {
    auto* vm = living(ref);
    if (vm == nullptr) {
      const auto found = world_->vms.find(ref);
      if (found != world_->vms.end() && found->second.suspended)
        return tell(ref, hypervisor::suspended{state_bytes});
      return tell(ref, exited{false, 0, "the VM ended while it was suspended", tail(ref)});
    }
    if (vm->fault == sim_fault::silent) return;
    if (vm->fault == sim_fault::crash_in_suspend) return crash(ref);
    if (vm->fault == sim_fault::suspend_fails)
      return tell(ref, failed{stage::suspend, "No space left on device", "", false, true});
    vm->alive = false;
    vm->suspended = true;
    ++world_->suspends;
    tell(ref, hypervisor::suspended{state_bytes});
  }

  void finish_resume(const resume_order& order) {
    auto* vm = living(order.vm);
    if (vm == nullptr || vm->fault == sim_fault::silent) return;
    const auto from = world_->vms.find({order.vm.id, order.suspended_attempt});
    const bool there = from != world_->vms.end() && from->second.suspended;
    const bool damaged = !there || vm->fault == sim_fault::state_damaged;
    if (damaged || vm->fault == sim_fault::resume_fails) {
      world_->vms.erase(order.vm);
      return tell(order.vm, failed{damaged ? stage::verify : stage::resume,
                                   damaged ? "the suspended memory does not match its manifest"
                                           : "the resumed VM did not answer",
                                   "", damaged});
    }
    vm->signalled = from->second.signalled;
    vm->signal_refused = from->second.signal_refused;
    ++world_->resumes;
    tell(order.vm, hypervisor::resumed{vm->facts});
    if (vm->signalled) return tell(order.vm, signalled{});
    go_on(order.vm);
  }

  void finish_boot(const vm_ref& ref) {
    auto* vm = living(ref);
    if (vm == nullptr || vm->fault == sim_fault::silent) return;
    vm->booted = true;
    tell(ref, booted{vm->facts});
    go_on(ref);
  }

  // What a VM that was reported running does by itself.
  void go_on(const vm_ref& ref) {
    if (world_->vms[ref].why == purpose::template_preparation)
      warm_up(ref);
    else
      run(ref);
  }

  void run(const vm_ref& ref) {
    const auto fault = world_->vms[ref].fault;
    if (fault == sim_fault::crash_while_running) crash(ref);
    if (fault == sim_fault::signals) warm_up(ref);
    if (fault == sim_fault::crash_later)
      at(world_->timing.crash_after_ms, [this, ref] {
        if (living(ref) != nullptr) crash(ref);
      });
  }

  void warm_up(const vm_ref& ref) {
    at(takes(ref, world_->timing.warm_up_ms), [this, ref] {
      auto* vm = living(ref);
      if (vm == nullptr || vm->signalled || vm->signal_refused) return;
      if (vm->fault == sim_fault::crash_before_signal) return crash(ref);
      if (vm->fault == sim_fault::never_signals) return;
      vm->signalled = true;
      log(ref, "warm\n");
      tell(ref, signalled{});
    });
  }

  void finish_snapshot(const snapshot_order& order) {
    auto* vm = living(order.vm);
    if (vm == nullptr) {
      tell(order.vm, exited{false, 0, "the VM ended during the snapshot", tail(order.vm)});
      return;
    }
    if (vm->fault == sim_fault::silent) return;
    const bool fails = vm->fault == sim_fault::snapshot_fails;
    if (fails && vm->why == purpose::instance)
      return tell(order.vm, failed{stage::disk, "No space left on device", "", false, true});
    world_->vms.erase(order.vm);
    if (fails) {
      tell(order.vm, failed{stage::disk, "No space left on device", tail(order.vm), false});
      return;
    }
    world_->snapshots.insert(order.snapshot_id);
    tell(order.vm, snapshotted{info(order.snapshot_id)});
  }

  void finish_clone(const clone_order& order) {
    auto* vm = living(order.vm);
    if (vm == nullptr || vm->fault == sim_fault::silent) return;
    const bool there = world_->snapshots.contains(order.snapshot_id);
    const bool damaged = !there || vm->fault == sim_fault::snapshot_damaged;
    if (damaged || vm->fault == sim_fault::clone_fails) {
      world_->vms.erase(order.vm);
      tell(order.vm, failed{damaged ? stage::verify : stage::clone,
                            damaged ? "the snapshot's memory does not match its manifest"
                                    : "the clone did not answer",
                            "", damaged});
      return;
    }
    vm->facts.generation_id = "generation-" + std::to_string(vm->facts.pid);
    tell(order.vm, cloned{vm->facts});
    go_on(order.vm);
  }

  void end(const vm_ref& ref, std::uint64_t delay_ms) {
    const std::lock_guard guard(mutex_);
    at(delay_ms, [this, ref] {
      if (auto* vm = living(ref)) vm->alive = false;
      if (const auto found = world_->vms.find(ref); found != world_->vms.end())
        found->second.suspended = false;
      tell(ref, exited{true, 0, "the VM was stopped", tail(ref)});
    });
  }

  void crash(const vm_ref& ref) {
    world_->vms[ref].alive = false;
    log(ref, "Kernel panic - not syncing: simulated\n");
    tell(ref, exited{false, 0, "the guest's kernel panicked", tail(ref)});
  }

  sim_vm* living(const vm_ref& ref) {
    const auto found = world_->vms.find(ref);
    return found == world_->vms.end() || !found->second.alive ? nullptr : &found->second;
  }

  snapshot_info info(const std::string& id) const {
    return {id, "sim", std::string(64, '0'), 128 * mebibyte, 64 * 1024, mebibyte};
  }

  void log(const vm_ref& ref, const std::string& text) { world_->logs[ref] += text; }

  std::string tail(const vm_ref& ref) const {
    const auto found = world_->logs.find(ref);
    return found == world_->logs.end() ? "" : found->second;
  }

  template <class What>
  void tell(const vm_ref& ref, What what) {
    if (!sink_) return;
    const auto vm = world_->vms.find(ref);
    const bool twice = vm != world_->vms.end() && vm->second.fault == sim_fault::duplicate_reports;
    if (twice) post({ref, what});
    post({ref, std::move(what)});
  }

  void post(report told) {
    if (!world_->post) return sink_(std::move(told));
    const auto fate = world_->post(told);
    for (const auto& other : fate.others)
      at(other.after_ms, [this, what = other.what] { sink_(what); });
    if (fate.lost) return;
    if (fate.late_ms == 0 && !on_the_way_.contains(told.vm)) return sink_(std::move(told));
    const auto ref = told.vm;
    on_the_way_[ref].push_back({fate.late_ms, std::move(told)});
    if (on_the_way_[ref].size() == 1) deliver_next(ref);
  }

  void deliver_next(const vm_ref& ref) {
    at(on_the_way_[ref].front().after_ms, [this, ref] {
      auto& waiting = on_the_way_[ref];
      sink_(std::move(waiting.front().what));
      waiting.pop_front();
      if (waiting.empty())
        on_the_way_.erase(ref);
      else
        deliver_next(ref);
    });
  }

  std::uint64_t takes(const vm_ref& ref, std::uint64_t usual_ms) const {
    const auto found = world_->vms.find(ref);
    const bool slow = found != world_->vms.end() && found->second.fault == sim_fault::slow;
    return slow ? usual_ms * world_->timing.slow_factor : usual_ms;
  }

  template <class What>
  void after(std::uint64_t delay_ms, const vm_ref& ref, What what) {
    at(delay_ms, [this, ref, what = std::move(what)] { tell(ref, what); });
  }

  // Runs `step` later under the lock, unless the driver is gone or shut down by then.
  void at(std::uint64_t delay_ms, std::function<void()> step) {
    later_(delay_ms, [self = weak_from_this(), step = std::move(step)] {
      const auto alive = self.lock();
      if (!alive) return;
      const std::lock_guard guard(alive->mutex_);
      if (alive->sink_) step();
    });
  }

  mutable std::mutex mutex_;
  std::shared_ptr<sim_world> world_;
  scheduler later_;
  report_sink sink_;
  std::map<vm_ref, std::deque<delivery::other>> on_the_way_;  // reports behind a late one
  std::uint32_t next_pid_ = 1000;
  std::uint16_t next_port_ = 40000;
};

// Gives the shared driver a single owner to hand out.
class sim_handle final : public driver {
 public:
  explicit sim_handle(std::shared_ptr<sim_driver> inner) : inner_(std::move(inner)) {}
  tl::expected<inventory, std::string> start(report_sink sink) override {
    return inner_->start(std::move(sink));
  }
  void shutdown() override { inner_->shutdown(); }
  std::string_view name() const override { return inner_->name(); }
  std::string_view accelerator() const override { return inner_->accelerator(); }
  void boot(boot_order order) override { inner_->boot(std::move(order)); }
  void snapshot(snapshot_order order) override { inner_->snapshot(std::move(order)); }
  void clone(clone_order order) override { inner_->clone(std::move(order)); }
  void adopt(vm_ref vm) override { inner_->adopt(std::move(vm)); }
  void suspend(vm_ref vm) override { inner_->suspend(std::move(vm)); }
  void resume(resume_order order) override { inner_->resume(std::move(order)); }
  void refuse_signal(vm_ref vm) override { inner_->refuse_signal(std::move(vm)); }
  void announce_sleep(vm_ref vm, sleep_news what) override {
    inner_->announce_sleep(std::move(vm), what);
  }
  void stop(vm_ref vm, std::uint32_t grace_ms) override { inner_->stop(std::move(vm), grace_ms); }
  void kill(vm_ref vm) override { inner_->kill(std::move(vm)); }
  void remove(vm_ref vm) override { inner_->remove(std::move(vm)); }
  void remove_snapshot(std::string id) override { inner_->remove_snapshot(std::move(id)); }
  log_chunk read_log(const vm_ref& vm, log_kind kind, std::int64_t offset,
                     std::uint64_t limit) const override {
    return inner_->read_log(vm, kind, offset, limit);
  }

 private:
  std::shared_ptr<sim_driver> inner_;
};

}  // namespace

std::unique_ptr<driver> make_sim_driver(std::shared_ptr<sim_world> world, scheduler later) {
  return std::make_unique<sim_handle>(
      std::make_shared<sim_driver>(std::move(world), std::move(later)));
}

}  // namespace platen::hypervisor
