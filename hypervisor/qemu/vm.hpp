// One VM's life: started, running, perhaps snapshotted, ended. Lives on the driver's thread;
// blocking work goes to the pool. Order of reading: vm.cpp (reports, ending), vm_start.cpp (boot,
// clone, resume, adopt), vm_warm.cpp (a clone from the pool), vm_save.cpp (snapshot, suspend),
// vm_state.cpp (QEMU's part in both).
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "hypervisor/qemu/agent.hpp"
#include "hypervisor/qemu/qmp.hpp"
#include "hypervisor/qemu/vm_files.hpp"
#include "hypervisor/qemu/vm_host.hpp"
#include "hypervisor/qemu/warm_clone.hpp"

namespace platen::hypervisor::qemu {

class vm : public std::enable_shared_from_this<vm> {
 public:
  vm(vm_host& host, vm_ref ref);

  // The first thing to happen to a VM is exactly one of these.
  using time_point = std::chrono::steady_clock::time_point;
  task<void> boot(boot_order order);
  task<void> clone(clone_order order, time_point ordered_at);
  task<void> resume(resume_order order, time_point ordered_at);
  task<void> adopt();

  // Says again what the VM's order has led to, if it has come to something.
  void repeat_report();

  task<void> snapshot(std::string snapshot_id);
  task<void> suspend();
  void refuse_signal();
  void announce_sleep(sleep_news what);
  task<void> stop(milliseconds grace);
  void kill();
  // Ends it without a report and deletes its directory; done when it returns.
  task<void> remove();

  // Ended by a snapshot: nothing of it is left.
  bool became_snapshot() const { return became_snapshot_; }

 private:
  enum class state { starting, running, saving, ended };
  using step = tl::expected<void, failure>;

  task<step> try_boot(boot_order order);
  task<step> try_clone(clone_order order);
  task<step> try_spawned_clone(const clone_order& order);
  task<std::optional<step>> try_warm_clone(const clone_order& order);
  task<tl::expected<std::vector<placed_rom>, failure>> take_name(const clone_order& order,
                                                                 std::unique_ptr<warm_clone>& warm);
  task<step> wake_warm(const clone_order& order, const std::vector<placed_rom>& roms,
                       bool was_greeted);
  task<step> equip(const clone_order& order, const std::vector<placed_rom>& roms);
  task<tl::expected<void, std::string>> forward(const std::vector<std::uint16_t>& guest_ports);
  task<tl::expected<void, std::string>> change_roms();
  task<void> forget_process();
  task<step> try_resume(resume_order order);
  task<step> try_adopt();
  // Leaves the guest standing still and the monitor connected.
  task<step> load(launched_vm launched, stage where);
  task<step> let_run();
  // The first two may be called while the guest stands still.
  task<step> greet();
  task<step> order_resume(const clone_order& order, const std::vector<placed_rom>& roms);
  task<step> await_welcome();
  task<step> await_resumed();
  task<step> wake_as_before();
  task<step> adopt_stopped();
  step judge_adopted(const welcome& greeting);
  // What a guest that ran before has already said.
  void learn(const welcome& greeting);

  bool is_instance() const { return record_.why == purpose::instance; }
  // Answers a snapshot or suspend that cannot be begun.
  void refuse_to_save(stage where, const std::string& reason);
  task<tl::expected<snapshot_info, failure>> try_snapshot(std::string snapshot_id);
  task<tl::expected<suspended, failure>> try_suspend();
  // After a failure: whether the guest goes on as if nothing was.
  task<bool> runs_on(failure why);
  task<void> lose(failure why);
  task<tl::expected<void, std::string>> save_state();
  task<tl::expected<void, std::string>> prepare_to_save();
  task<tl::expected<void, std::string>> save_device_state();
  task<tl::expected<void, std::string>> save_all();
  task<tl::expected<void, std::string>> migrate_to(unique_fd target);
  task<tl::expected<void, std::string>> take_roms_out();
  task<tl::expected<void, std::string>> put_roms_back();
  task<tl::expected<void, std::string>> go_on();
  task<tl::expected<void, std::string>> quit_qemu();

  void take(launched_vm launched);
  // Leaves the monitor connected.
  task<tl::expected<void, std::string>> connect_and_learn_ports();
  task<tl::expected<void, std::string>> learn_ports();
  task<void> watch_process();
  task<void> serve_agent();
  task<void> report_end();
  void handle(const guest::verified_message& message);
  void go_on_running();
  void tell_up();
  void send_refusal();
  void end_again();

  // Ends a start or snapshot that went wrong, removes what it made and reports.
  task<void> abandon(failure why);
  task<void> end_process();
  task<void> delete_directory();
  std::string explain(const std::string& reason);
  exited make_exited();
  void listen_to_console();
  std::string end_reason() const;
  void become_ended(report last);
  void repeat_end();
  template <typename What>
  void tell(What what) {
    host_.report_to_actor(report{ref_, std::move(what)});
  }
  void signal_process(int number);

  vm_host& host_;
  const vm_ref ref_;
  const std::filesystem::path path_;

  state state_ = state::starting;
  vm_record record_;
  unique_fd directory_;
  process process_;
  exit_status exit_status_;
  one_shot process_gone_;
  one_shot agent_gone_;
  one_shot end_;
  qmp_client qmp_;
  agent_client agent_;

  time_point ordered_at_{};
  running_vm running_;
  bool signalled_ = false;
  std::uint32_t last_signal_ = 0;  // its number; the guest repeats signals
  std::optional<std::int32_t> workload_exit_;
  std::string guest_failure_;  // a sentence from the console
  // Why it is being ended by us: a sentence. Empty: nobody asked for it.
  std::string asked_to_end_;
  bool removing_ = false;
  bool became_snapshot_ = false;
  std::string saving_as_;  // the snapshot's id; empty for a suspend
  std::optional<report> last_report_;
};

}  // namespace platen::hypervisor::qemu
