#include "tests/simulation/watched_driver.hpp"

namespace platen::simulation {

namespace {

using namespace platen::hypervisor;

class watched_driver final : public driver {
 public:
  watched_driver(std::unique_ptr<driver> inner, checker& judge, trace& out)
      : inner_(std::move(inner)), judge_(judge), out_(out) {}

  tl::expected<inventory, std::string> start(report_sink sink) override {
    return inner_->start([this, sink = std::move(sink)](report what) {
      show("reports", what.vm, what.what.index());
      sink(std::move(what));
    });
  }
  void shutdown() override { inner_->shutdown(); }
  std::string_view name() const override { return inner_->name(); }
  std::string_view accelerator() const override { return inner_->accelerator(); }

  void boot(boot_order order) override {
    expect("a_boot_has_a_durable_intent", "boot", order.vm, a_boot_has_a_durable_intent, order);
    inner_->boot(std::move(order));
  }
  void snapshot(snapshot_order order) override {
    expect("a_snapshot_has_a_durable_intent", "snapshot", order.vm, a_snapshot_has_a_durable_intent,
           order);
    inner_->snapshot(std::move(order));
  }
  void clone(clone_order order) override {
    expect("a_clone_has_a_durable_intent", "clone", order.vm, a_clone_has_a_durable_intent, order);
    inner_->clone(std::move(order));
  }
  void adopt(vm_ref vm) override {
    expect("only_what_should_live_is_adopted", "adopt", vm, only_what_should_live_is_adopted, vm);
    inner_->adopt(std::move(vm));
  }
  void suspend(vm_ref vm) override {
    expect("a_suspend_has_a_durable_intent", "suspend", vm, a_suspend_has_a_durable_intent, vm);
    inner_->suspend(std::move(vm));
  }
  void resume(resume_order order) override {
    expect("a_resume_has_a_durable_intent", "resume", order.vm, a_resume_has_a_durable_intent,
           order);
    inner_->resume(std::move(order));
  }
  void refuse_signal(vm_ref vm) override { inner_->refuse_signal(std::move(vm)); }
  void announce_sleep(vm_ref vm, sleep_news what) override {
    inner_->announce_sleep(std::move(vm), what);
  }
  void stop(vm_ref vm, std::uint32_t grace_ms) override {
    expect("only_what_should_end_is_ended", "stop", vm, only_what_should_end_is_ended, vm);
    inner_->stop(std::move(vm), grace_ms);
  }
  void kill(vm_ref vm) override {
    expect("only_what_should_end_is_ended", "kill", vm, only_what_should_end_is_ended, vm);
    inner_->kill(std::move(vm));
  }
  void remove(vm_ref vm) override {
    expect("nothing_that_should_live_is_removed", "remove", vm, nothing_that_should_live_is_removed,
           vm);
    inner_->remove(std::move(vm));
  }
  void remove_snapshot(std::string id) override {
    expect("no_snapshot_that_is_needed_is_removed", "remove snapshot", {id, 0},
           no_snapshot_that_is_needed_is_removed, id);
    inner_->remove_snapshot(std::move(id));
  }
  log_chunk read_log(const vm_ref& vm, log_kind kind, std::int64_t offset,
                     std::uint64_t limit) const override {
    return inner_->read_log(vm, kind, offset, limit);
  }

 private:
  template <class Order>
  void expect(const char* invariant, const char* what, const vm_ref& vm,
              complaint (*check)(const actors::world&, const Order&), const Order& order) {
    show(what, vm, 0);
    judge_.read_log();
    judge_.require(invariant, check(judge_.log(), order));
  }

  void show(const char* what, const vm_ref& vm, std::size_t report) {
    out_.mix(report);
    if (!out_.printing()) return;
    static constexpr std::array<const char*, 8> reports{
        "booted", "cloned", "signalled", "snapshotted", "exited", "failed", "resumed", "suspended"};
    const bool reporting = what == std::string_view("reports");
    out_.line("hypervisor", std::string(reporting ? "says " : "is told to ") +
                                (reporting ? reports.at(report) : what) + " " + vm.id + "." +
                                std::to_string(vm.attempt));
  }

  std::unique_ptr<driver> inner_;
  checker& judge_;
  trace& out_;
};

}  // namespace

std::unique_ptr<driver> watch(std::unique_ptr<driver> inner, checker& judge, trace& out) {
  return std::make_unique<watched_driver>(std::move(inner), judge, out);
}

}  // namespace platen::simulation
