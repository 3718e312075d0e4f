#include "hypervisor/qemu/vm.hpp"

#include <fcntl.h>
#include <signal.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "hypervisor/qemu/console_text.hpp"

namespace platen::hypervisor::qemu {

namespace {

// A process that was sent SIGKILL is gone at once unless the kernel is stuck in its disk.
constexpr milliseconds kill_limit{30'000};
// QEMU closes its files on SIGTERM; this is time for its disks' last writes.
constexpr milliseconds terminate_limit{2'000};
// What the guest sent before QEMU ended is still in the socket and is read at once.
constexpr milliseconds last_words_limit{1'000};
constexpr milliseconds agent_write_limit{2'000};

}  // namespace

vm::vm(vm_host& host, vm_ref ref)
    : host_(host),
      ref_(std::move(ref)),
      path_(vm_directory(host, ref_)),
      process_gone_(host.io),
      agent_gone_(host.io),
      end_(host.io),
      qmp_(host.io, host.options.qmp_limit),
      agent_(host.io) {}

void vm::repeat_report() {
  if (state_ == state::ended) {
    if (last_report_) host_.report_to_actor(*last_report_);
    return;
  }
  if (state_ == state::starting) return;
  tell_up();
}

void vm::tell_up() {
  if (record_.origin == vm_origin::booted) tell(booted{running_});
  if (record_.origin == vm_origin::cloned) tell(cloned{running_});
  if (record_.origin == vm_origin::resumed) tell(resumed{running_});
  if (signalled_) tell(signalled{});
}

void vm::learn(const welcome& greeting) {
  last_signal_ = greeting.held_signal;
  signalled_ = greeting.held_signal > 0;
}

void vm::take(launched_vm launched) {
  record_ = std::move(launched.record);
  process_ = std::move(launched.qemu);
  directory_ = std::move(launched.directory);
  running_.accelerator = record_.facts.machine.accelerator;
  running_.pid = static_cast<std::uint32_t>(process_.pid());
  running_.generation_id = record_.generation_id;
  for (const auto* log : {console_log_name, output_log_name})
    host_.logs->add(path_ / log);
  asio::co_spawn(host_.io, watch_process(), asio::detached);
}

task<void> vm::watch_process() {
  const auto self = shared_from_this();
  asio::posix::stream_descriptor pidfd(host_.io, ::fcntl(process_.pidfd(), F_DUPFD_CLOEXEC, 0));
  co_await pidfd.async_wait(asio::posix::stream_descriptor::wait_read, as_result);
  exit_status_ = process_.collect();
  process_gone_.set();
}

void vm::go_on_running() {
  state_ = state::running;
  asio::co_spawn(host_.io, serve_agent(), asio::detached);
  asio::co_spawn(host_.io, report_end(), asio::detached);
}

task<void> vm::serve_agent() {
  const auto self = shared_from_this();
  for (;;) {
    const auto message = co_await agent_.receive();
    if (!message) break;
    handle(*message);
  }
  agent_gone_.set();
}

void vm::handle(const guest::verified_message& message) {
  if (const auto* signal = message.as<wire::Signal>()) {
    if (signal->number() <= last_signal_) return;
    last_signal_ = signal->number();
    signalled_ = true;
    tell(signalled{});
  } else if (const auto* over = message.as<wire::Exited>()) {
    workload_exit_ = over->exit_code();
  }
}

void vm::refuse_signal() {
  if (state_ == state::ended || !signalled_) return;
  signalled_ = false;
  // What is sent to a guest that is being saved might get into its snapshot. If it runs on, it is
  // told then; and a guest repeats its signal to whoever greets it next.
  if (state_ == state::running) send_refusal();
}

void vm::send_refusal() {
  auto refuse = [](std::shared_ptr<vm> self) -> task<void> {
    co_await self->agent_.refuse(self->last_signal_, agent_write_limit);
  };
  asio::co_spawn(host_.io, refuse(shared_from_this()), asio::detached);
}

void vm::announce_sleep(sleep_news what) {
  if (state_ != state::running || !is_instance()) return;
  const bool coming = what == sleep_news::coming;
  auto announce = [](std::shared_ptr<vm> self, bool coming) -> task<void> {
    co_await self->agent_.announce_sleep(coming, agent_write_limit);
  };
  asio::co_spawn(host_.io, announce(shared_from_this(), coming), asio::detached);
}

task<void> vm::report_end() {
  const auto self = shared_from_this();
  co_await process_gone_.wait();
  co_await agent_gone_.wait(last_words_limit);
  // Who saves a VM ends the process itself and says what came of it.
  if (state_ != state::running) co_return;
  const auto last = report{ref_, make_exited()};
  if (!removing_) host_.report_to_actor(last);
  become_ended(last);
}

// What the agent could not say on its channel it has printed, if it still could.
void vm::listen_to_console() {
  const auto words = find_last_words(console_tail(path_));
  if (!workload_exit_) workload_exit_ = words.workload_exit;
  guest_failure_ = words.failure;
}

std::string vm::end_reason() const {
  std::string reason;
  const bool clean = exit_status_.known && exit_status_.signal == 0 && exit_status_.code == 0;
  if (workload_exit_) {
    reason = "the workload exited with code " + std::to_string(*workload_exit_);
    if (record_.why == purpose::template_preparation && !signalled_)
      reason += " before it wrote to /uk/libukp/template_instance";
  } else if (!guest_failure_.empty()) {
    reason = guest_failure_;
  } else if (clean) {
    reason = "the guest shut down or crashed without saying how its workload ended";
  } else {
    reason = describe(exit_status_);
    const auto message = last_qemu_message(path_);
    if (!message.empty()) reason += ": " + message;
  }
  return asked_to_end_.empty() ? reason : asked_to_end_ + "; " + reason;
}

exited vm::make_exited() {
  listen_to_console();
  exited what;
  what.exit_known = workload_exit_.has_value();
  what.exit_code = workload_exit_.value_or(0);
  what.reason = end_reason();
  what.console_tail = last_output(path_);
  return what;
}

void vm::become_ended(report last) {
  state_ = state::ended;
  last_report_ = std::move(last);
  agent_.close();
  qmp_.close();
  host_.logs->remove(path_);
  // An ended VM may be kept for long for its logs and its last report; it must not hold on to more.
  directory_ = unique_fd();
  process_ = process();
  end_.set();
}

std::string vm::explain(const std::string& reason) {
  if (!process_gone_.is_set()) return reason;
  listen_to_console();
  const auto end = end_reason();
  return end == reason ? reason : reason + "; " + end;
}

task<void> vm::end_process() {
  if (process_.pidfd() < 0) co_return;
  signal_process(SIGKILL);
  co_await process_gone_.wait(kill_limit);
}

task<void> vm::delete_directory() {
  auto job = [path = path_] {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
    return true;
  };
  co_await on_pool(host_.pool, std::move(job));
}

task<void> vm::abandon(failure why) {
  // A closed connection is how the end of QEMU shows first; its exit status follows at once.
  if (process_.pidfd() >= 0) co_await process_gone_.wait(milliseconds(200));
  const bool only_stopped = !asked_to_end_.empty();
  failed what;
  what.where = why.where;
  what.reason = only_stopped ? asked_to_end_ : explain(why.reason);
  what.snapshot_damaged = why.snapshot_damaged;
  what.console_tail = last_output(path_);
  co_await end_process();
  const bool answers_a_boot = state_ == state::starting && record_.origin == vm_origin::booted;
  const auto end = make_exited();
  if (record_.vm == ref_) co_await delete_directory();
  report last{ref_, what};
  if (only_stopped && answers_a_boot) last.what = end;
  host_.report_to_actor(last);
  // The order that was cut short has its answer; the one that cut it short needs its own.
  if (only_stopped && !answers_a_boot && !removing_) tell(end);
  become_ended(last);
}

void vm::signal_process(int number) {
  if (process_.pidfd() >= 0 && !process_gone_.is_set()) process_.signal(number);
}

// The answer to stop and kill is always `exited`, also if the VM ended in another way.
void vm::repeat_end() {
  if (last_report_ && std::holds_alternative<exited>(last_report_->what))
    return host_.report_to_actor(*last_report_);
  exited what;
  what.reason = "the VM is gone already";
  tell(std::move(what));
}

// A suspended VM that is ended cannot be resumed any more.
void vm::end_again() {
  if (last_report_ && std::holds_alternative<suspended>(last_report_->what)) {
    asio::post(host_.slow_pool,
               [this, self = shared_from_this()] { host_.snapshots.unseal(path_); });
    exited what;
    what.reason = "the VM was suspended, and its saved state was discarded";
    last_report_->what = std::move(what);
  }
  repeat_end();
}

void vm::kill() {
  if (state_ == state::ended) return end_again();
  if (asked_to_end_.empty()) asked_to_end_ = "the VM was killed on request";
  signal_process(SIGKILL);
}

task<void> vm::stop(milliseconds grace) {
  const auto self = shared_from_this();
  if (state_ == state::ended) {
    end_again();
    co_return;
  }
  const bool already_asked = !asked_to_end_.empty();
  if (already_asked) co_return;
  asked_to_end_ = "the VM was stopped on request";
  if (state_ != state::running) {
    signal_process(SIGKILL);
    co_return;
  }
  const auto asked =
      co_await agent_.shut_down(static_cast<std::uint32_t>(grace.count()), agent_write_limit);
  const auto patience = asked ? grace + host_.options.stop_margin : milliseconds(0);
  const bool left_by_itself = co_await process_gone_.wait(patience);
  if (left_by_itself) co_return;
  signal_process(SIGTERM);
  const bool terminated = co_await process_gone_.wait(terminate_limit);
  if (terminated) co_return;
  signal_process(SIGKILL);
}

task<void> vm::remove() {
  const auto self = shared_from_this();
  removing_ = true;
  if (state_ != state::ended) {
    if (asked_to_end_.empty()) asked_to_end_ = "the VM was removed";
    signal_process(SIGKILL);
    co_await end_.wait();
  }
  co_await delete_directory();
}

}  // namespace platen::hypervisor::qemu
