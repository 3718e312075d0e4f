// A hypervisor that looks each order up in the log before it passes it on: whatever is done to the
// world has to be there.
#pragma once

#include <string>
#include <vector>

#include "actors/replay.hpp"
#include "hypervisor/hypervisor.hpp"
#include "store/event_log.hpp"

namespace platen::testing {

class watching_driver final : public hypervisor::driver {
 public:
  watching_driver(std::unique_ptr<hypervisor::driver> of, const store::event_log& log)
      : of_(std::move(of)), log_(log) {}

  // Orders without an event that explains them: "boot id.1".
  std::vector<std::string> unexplained;
  std::size_t orders = 0;

  void boot(hypervisor::boot_order order) override {
    expect("boot", order.vm, [&](const events::event& e) {
      return is<events::preparation_started>(e, order.vm) ||
             is<events::instance_boot_started>(e, order.vm);
    });
    of_->boot(std::move(order));
  }
  void snapshot(hypervisor::snapshot_order order) override {
    expect("snapshot", order.vm, [&](const events::event& e) {
      return is<events::guest_signalled>(e, order.vm) ||
             is<events::instance_conversion_requested>(e, order.vm);
    });
    of_->snapshot(std::move(order));
  }
  void clone(hypervisor::clone_order order) override {
    expect("clone", order.vm, [&](const events::event& e) {
      return is<events::instance_clone_started>(e, order.vm) ||
             is<events::preparation_started>(e, order.vm);
    });
    of_->clone(std::move(order));
  }
  void adopt(hypervisor::vm_ref vm) override {
    expect_of_system("adopt", name_of(vm), [&](const events::event& e) {
      const auto* adopted = std::get_if<events::vm_adopted>(&e);
      return adopted && adopted->id == vm.id && adopted->attempt == vm.attempt;
    });
    of_->adopt(std::move(vm));
  }
  void suspend(hypervisor::vm_ref vm) override {
    expect("suspend", vm,
           [&](const events::event& e) { return is<events::instance_suspend_requested>(e, vm); });
    of_->suspend(std::move(vm));
  }
  void resume(hypervisor::resume_order order) override {
    expect("resume", order.vm, [&](const events::event& e) {
      const auto* asked = std::get_if<events::instance_resume_started>(&e);
      return asked && asked->attempt == order.vm.attempt &&
             asked->suspended_attempt == order.suspended_attempt;
    });
    of_->resume(std::move(order));
  }
  void refuse_signal(hypervisor::vm_ref vm) override { of_->refuse_signal(std::move(vm)); }
  void announce_sleep(hypervisor::vm_ref vm, hypervisor::sleep_news what) override {
    of_->announce_sleep(std::move(vm), what);
  }
  void stop(hypervisor::vm_ref vm, std::uint32_t grace_ms) override {
    expect_end("stop", vm);
    of_->stop(std::move(vm), grace_ms);
  }
  void kill(hypervisor::vm_ref vm) override {
    expect_end("kill", vm);
    of_->kill(std::move(vm));
  }
  void remove(hypervisor::vm_ref vm) override {
    if (!explains(vm, [&](const events::event& e) { return ends(e, vm); }))
      expect_leftover("vm", vm.id, vm.attempt);
    ++orders;
    of_->remove(std::move(vm));
  }
  void remove_snapshot(std::string id) override {
    // "<template>-<attempt>"
    const auto dash = id.rfind('-');
    const auto of_template = dash == std::string::npos ? id : id.substr(0, dash);
    if (!explains({of_template, 0}, [&](const events::event& e) {
          return std::holds_alternative<events::template_deleted>(e) ||
                 std::holds_alternative<events::template_autokilled>(e) ||
                 std::holds_alternative<events::snapshot_rejected>(e) ||
                 std::holds_alternative<events::preparation_failed>(e) ||
                 std::holds_alternative<events::preparation_started>(e) ||
                 std::holds_alternative<events::instance_conversion_failed>(e) ||
                 std::holds_alternative<events::instance_stopped>(e) ||
                 std::holds_alternative<events::instance_failed>(e);
        }))
      expect_leftover("snapshot", id, 0);
    ++orders;
    of_->remove_snapshot(std::move(id));
  }

  tl::expected<hypervisor::inventory, std::string> start(hypervisor::report_sink sink) override {
    return of_->start(std::move(sink));
  }
  void shutdown() override { of_->shutdown(); }
  std::string_view name() const override { return of_->name(); }
  std::string_view accelerator() const override { return of_->accelerator(); }
  hypervisor::log_chunk read_log(const hypervisor::vm_ref& vm, log_kind kind, std::int64_t offset,
                                 std::uint64_t limit) const override {
    return of_->read_log(vm, kind, offset, limit);
  }

 private:
  static std::string name_of(const hypervisor::vm_ref& vm) {
    return vm.id + "." + std::to_string(vm.attempt);
  }

  template <class Event>
  static bool is(const events::event& event, const hypervisor::vm_ref& vm) {
    const auto* found = std::get_if<Event>(&event);
    return found && found->attempt == vm.attempt;
  }

  // The entity wants nothing of this VM any more.
  static bool ends(const events::event& e, const hypervisor::vm_ref& vm) {
    const auto later = [&](const auto* started) {
      return started != nullptr && started->attempt > vm.attempt;
    };
    return std::holds_alternative<events::instance_deleted>(e) ||
           std::holds_alternative<events::template_deleted>(e) ||
           std::holds_alternative<events::instance_autokilled>(e) ||
           std::holds_alternative<events::template_autokilled>(e) ||
           later(std::get_if<events::parent_requested>(&e)) ||
           is<events::preparation_failed>(e, vm) || is<events::snapshot_rejected>(e, vm) ||
           later(std::get_if<events::preparation_started>(&e)) ||
           later(std::get_if<events::instance_clone_started>(&e)) ||
           later(std::get_if<events::instance_resume_started>(&e)) ||
           is<events::instance_stopped>(e, vm) || is<events::instance_failed>(e, vm) ||
           std::holds_alternative<events::instance_converted>(e) ||
           later(std::get_if<events::instance_boot_started>(&e));
  }

  template <class Is>
  bool stream_has(const std::string& stream, Is is_it) const {
    bool found = false;
    [[maybe_unused]] const auto read =
        log_.read_stream(stream, 0, [&](const events::envelope& event) {
          found = is_it(event.what);
          return !found;
        });
    return found;
  }

  template <class Is>
  bool explains(const hypervisor::vm_ref& vm, Is is_it) const {
    return stream_has(actors::template_stream(vm.id), is_it) ||
           stream_has(actors::instance_stream(vm.id), is_it);
  }

  template <class Is>
  void expect(const std::string& order, const hypervisor::vm_ref& vm, Is is_it) {
    ++orders;
    if (!explains(vm, is_it)) unexplained.push_back(order + " " + name_of(vm));
  }

  template <class Is>
  void expect_of_system(const std::string& order, const std::string& what, Is is_it) {
    ++orders;
    if (!stream_has(actors::system_stream, is_it)) unexplained.push_back(order + " " + what);
  }

  void expect_end(const std::string& order, const hypervisor::vm_ref& vm) {
    expect(order, vm, [&](const events::event& e) {
      return is<events::instance_stop_requested>(e, vm) || ends(e, vm);
    });
  }

  void expect_leftover(const std::string& kind, const std::string& id, std::uint32_t attempt) {
    expect_of_system("remove " + kind, id, [&](const events::event& e) {
      const auto* left = std::get_if<events::leftover_removed>(&e);
      return left && left->kind == kind && left->id == id && left->attempt == attempt;
    });
  }

  std::unique_ptr<hypervisor::driver> of_;
  const store::event_log& log_;
};

}  // namespace platen::testing
