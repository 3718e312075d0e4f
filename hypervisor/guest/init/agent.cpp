#include "hypervisor/guest/init/agent.hpp"

#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace platen::guest {
namespace {

using std::chrono::seconds;

// How long the last output may take to be carried, and the host to take the last message.
constexpr seconds output_patience{10};
constexpr seconds host_patience{3};
// An honest frame comes in one piece, so a longer pause within one means its sender is gone.
constexpr seconds partial_patience{1};

constexpr std::uint32_t port_events = EPOLLIN | EPOLLOUT | EPOLLET;

}  // namespace

agent::agent(agent_devices devices)
    : port_(std::move(devices.agent_port)),
      output_(std::move(devices.output_port)),
      roms_(std::move(devices.rom_disk)) {}

status agent::prepare() {
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  child_signals_ = owned_fd(::signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC));
  if (auto done = loop_.watch(child_signals_.get(), EPOLLIN); !done) return done;

  auto mounted = libukp::mount([this] { return on_template_write(); });
  if (!mounted) return tl::unexpected(mounted.error());
  libukp_.emplace(std::move(*mounted));
  if (auto done = loop_.watch(libukp_->fd(), EPOLLIN); !done) return done;
  if (auto done = loop_.watch(output_.port_fd(), EPOLLOUT | EPOLLET); !done) return done;
  return loop_.watch(port_.fd(), port_events);
}

void agent::run() {
  if (auto prepared = prepare(); !prepared) return give_up("boot", prepared.error());
  log_line("ready");
  while (ending_ != ending::done) {
    const auto now = clock::now();
    for (const auto& event : loop_.wait(output_waits_ ? now : next_deadline()))
      handle(event);
    if (output_waits_) output_waits_ = output_.carry() == output_pump::outcome::more;
    handle_deadlines();
    finish_step();
  }
}

void agent::give_up(const std::string& stage, const std::string& reason) {
  fail(stage, reason);
  event_loop loop;
  if (!loop.watch(port_.fd(), port_events)) return;
  const auto until = clock::now() + seconds(10);
  while (!port_.idle() && clock::now() < until) {
    loop.wait(until);
    port_.flush();
  }
}

void agent::handle(const event_loop::event& event) {
  if (event.fd == port_.fd()) return handle_port(event.flags);
  if (event.fd == output_.port_fd()) {
    output_waits_ = true;
    return;
  }
  if (event.fd == child_signals_.get()) return handle_child_signals();
  if (event.fd == libukp_->fd()) return libukp_->serve();
  if (workload_ && event.fd == workload_->verdict_fd()) return on_verdict();
  // What is left is the workload's output.
  output_waits_ = true;
}

void agent::handle_port(std::uint32_t flags) {
  for (const auto& message : port_.receive())
    on_message(message);
  if ((flags & EPOLLHUP) != 0) {
    port_.hang_up();
    for (const auto& message : port_.give_up_partial())
      on_message(message);
  }
  partial_deadline_.reset();
  if (port_.receiving()) partial_deadline_ = clock::now() + partial_patience;
  port_.flush();
}

void agent::handle_child_signals() {
  signalfd_siginfo info{};
  while (::read(child_signals_.get(), &info, sizeof info) > 0) {
  }
  int wait_status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &wait_status, WNOHANG)) > 0;) {
    if (workload_ && pid == workload_->pid()) on_main_exit(wait_status);
  }
}

void agent::handle_deadlines() {
  const auto now = clock::now();
  if (partial_deadline_ && now >= *partial_deadline_) {
    for (const auto& message : port_.give_up_partial())
      on_message(message);
    partial_deadline_.reset();
    if (port_.receiving()) partial_deadline_ = now + partial_patience;
  }
  if (kill_deadline_ && now >= *kill_deadline_) {
    kill_deadline_.reset();
    log_line("the grace period is over");
    ::kill(-1, SIGKILL);
  }
}

event_loop::deadline agent::next_deadline() const {
  return earlier(earlier(partial_deadline_, kill_deadline_), ending_deadline_);
}

void agent::finish_step() {
  const bool late = ending_deadline_ && clock::now() >= *ending_deadline_;
  if (ending_ == ending::carrying_output && (output_.finished() || late)) {
    if (!output_.finished()) log_line("the last output could not be written");
    if (!failed_) send_exited();
    ending_ = ending::telling_host;
    ending_deadline_ = clock::now() + host_patience;
  }
  if (ending_ == ending::telling_host && (port_.idle() || clock::now() >= *ending_deadline_))
    ending_ = ending::done;
}

void agent::fail(const std::string& stage, const std::string& reason) {
  log_line("failed (" + stage + "): " + reason);
  failed_ = true;
  wire::FailedT failed;
  failed.stage = stage;
  failed.reason = reason.substr(0, 4096);
  port_.send(std::move(failed));
}

void agent::end_with(int exit_code) {
  if (ending_ != ending::no) return;
  exit_code_ = exit_code;
  phase_ = wire::Phase::Exited;
  kill_deadline_.reset();
  if (libukp_) libukp_->answer_writes(EINTR);
  ::kill(-1, SIGKILL);
  output_waits_ = true;
  ending_ = ending::carrying_output;
  ending_deadline_ = clock::now() + output_patience;
}

}  // namespace platen::guest
