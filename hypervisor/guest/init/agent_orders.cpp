// What the agent does on each message of the host and on what the workload does.
#include <fcntl.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "hypervisor/guest/init/agent.hpp"
#include "hypervisor/guest/init/devices.hpp"

namespace platen::guest {
namespace {

constexpr std::uint32_t grace_limit_ms = 600'000;
constexpr std::size_t least_entropy_bytes = 64;
// 16 MiB: a workload that talks without end shall not keep its template from being taken.
constexpr int last_output_rounds = 64;

std::vector<rom_place> places(const std::vector<std::unique_ptr<wire::RomT>>& roms) {
  std::vector<rom_place> result;
  for (const auto& rom : roms)
    result.push_back({rom->name, rom->at, rom->filesystem, rom->offset, rom->length});
  return result;
}

// The root disk's dirty pages. Not sync(2): that would also ask the file system this process
// serves, which cannot answer meanwhile.
status sync_root() {
  const owned_fd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::syncfs(root.get()) != 0) return errno_error("cannot sync the root disk");
  return {};
}

// Without a new boot id the old address stays.
status renew_hardware_address(const std::string& boot_id) {
  if (boot_id.empty()) return {};
  const auto address = hardware_address_of(boot_id);
  if (!address) return tl::unexpected(address.error());
  return set_hardware_address(*address);
}

workload_spec specification(const wire::StartT& start) {
  workload_spec spec;
  spec.args = start.args;
  for (const auto& variable : start.env)
    spec.env.emplace_back(variable->name, variable->value);
  spec.workdir = start.workdir;
  spec.user = start.user;
  spec.hostname = start.hostname;
  return spec;
}

}  // namespace

void agent::on_message(const verified_message& message) {
  if (const auto* hello = message.as<wire::Hello>()) return on_hello(*hello);
  if (const auto* start = message.as<wire::Start>()) return on_start(*start);
  if (const auto* resume = message.as<wire::Resume>()) return on_resume(*resume);
  if (const auto* shutdown = message.as<wire::Shutdown>()) return on_shutdown(*shutdown);
  if (const auto* wake = message.as<wire::Wake>()) return on_wake(*wake);
  if (const auto* refuse = message.as<wire::Refuse>()) return on_refuse(*refuse);
  if (const auto* notice = message.as<wire::SleepNotice>()) return on_sleep_notice(*notice);
  log_line("a message of unknown kind was ignored");
}

void agent::on_hello(const wire::Hello& hello) {
  wire::WelcomeT welcome;
  welcome.protocol = protocol_version;
  welcome.nonce = hello.nonce();
  welcome.phase = phase_;
  welcome.generation_id = generation_id_;
  welcome.exit_code = exit_code_;
  port_.send(std::move(welcome));
  if (phase_ == wire::Phase::Signalled) send_signal();
  if (ending_ == ending::telling_host && !failed_) send_exited();
}

void agent::on_start(const wire::Start& message) {
  if (phase_ == wire::Phase::Idle && !workload_) {
    const std::unique_ptr<wire::StartT> start(message.UnPack());
    if (auto applied = apply_start(*start); !applied) {
      fail("boot", applied.error());
      return end_with(127);
    }
    auto started = workload::start(specification(*start));
    if (!started) {
      fail("run", started.error());
      return end_with(127);
    }
    workload_.emplace(std::move(*started));
    owned_fd output = workload_->take_output();
    if (!loop_.watch(output.get(), EPOLLIN | EPOLLET) ||
        !loop_.watch(workload_->verdict_fd(), EPOLLIN))
      log_line("the workload cannot be watched");
    output_.set_source(std::move(output));
    return;
  }
  // A repeated order is answered like the first one, once that has an answer.
  if (started_) send_started();
}

status agent::apply_start(const wire::StartT& start) {
  if (auto done = set_clock(start.time_ns); !done) return done;
  if (auto done = names_.provide_network_files(); !done) return done;
  if (auto done = names_.set({start.hostname, start.machine_id, start.boot_id}); !done) return done;
  if (auto done = renew_hardware_address(start.boot_id); !done) return done;
  if (auto done = publish_generation(""); !done) return done;
  if (auto done = sleep_line_.create(); !done) return done;
  return roms_.mount(places(start.roms));
}

void agent::send_started() {
  wire::StartedT started;
  started.pid = static_cast<std::uint32_t>(workload_->pid());
  port_.send(std::move(started));
}

void agent::send_exited() {
  wire::ExitedT exited;
  exited.exit_code = exit_code_;
  port_.send(std::move(exited));
}

void agent::on_verdict() {
  const auto verdict = workload_->verdict();
  if (!verdict) return;
  if (!*verdict) {
    fail("run", verdict->error());
    return end_with(127);
  }
  started_ = true;
  phase_ = wire::Phase::Running;
  log_line("workload started, pid " + std::to_string(workload_->pid()));
  send_started();
}

bool agent::on_template_write() {
  if (phase_ == wire::Phase::Signalled) return true;
  if (phase_ != wire::Phase::Running) return false;
  // What was written before the signal belongs to the template's log, not to every clone's.
  for (int rounds = 0; rounds < last_output_rounds; ++rounds) {
    if (output_.carry() != output_pump::outcome::more) break;
  }
  if (auto synced = sync_root(); !synced) log_line(synced.error());
  if (auto forgotten = roms_.forget_cached(); !forgotten) log_line(forgotten.error());
  phase_ = wire::Phase::Signalled;
  ++signals_;
  log_line("workload signalled, its write is held");
  send_signal();
  return true;
}

void agent::send_signal() {
  wire::SignalT signal;
  signal.number = signals_;
  port_.send(std::move(signal));
}

void agent::on_refuse(const wire::Refuse& refuse) {
  // A refusal that comes late must not meet the next write.
  if (phase_ != wire::Phase::Signalled || refuse.number() != signals_)
    return log_line("a refusal was ignored, because its write is not held");
  phase_ = wire::Phase::Running;
  log_line("no template is made, the held write fails");
  libukp_->answer_writes(EOPNOTSUPP);
}

void agent::on_wake(const wire::Wake& wake) {
  if (auto done = set_clock(wake.time_ns()); !done) {
    fail("resume", done.error());
    return end_with(127);
  }
  sleep_line_.awake();
  wire::AwakeT awake;
  awake.nonce = wake.nonce();
  port_.send(std::move(awake));
}

void agent::on_sleep_notice(const wire::SleepNotice& notice) {
  notice.coming() ? sleep_line_.asleep_soon() : sleep_line_.awake();
}

void agent::on_resume(const wire::Resume& message) {
  const std::unique_ptr<wire::ResumeT> resume(message.UnPack());
  // A repeated order must not let go a write that was begun after the first one.
  const bool repeated = !generation_id_.empty() && generation_id_ == resume->generation_id;
  if (repeated) return send_resumed(resume->nonce);
  if (phase_ != wire::Phase::Signalled && phase_ != wire::Phase::Running)
    return log_line("a resume was ignored, because no workload runs");
  if (auto applied = apply_resume(*resume); !applied) {
    fail("resume", applied.error());
    return end_with(127);
  }
  generation_id_ = resume->generation_id;
  phase_ = wire::Phase::Running;
  send_resumed(resume->nonce);
  libukp_->answer_writes(0);
  // A line on the console takes milliseconds.
  log_line("resumed as generation " + generation_id_);
}

void agent::send_resumed(std::uint64_t nonce) {
  wire::ResumedT resumed;
  resumed.nonce = nonce;
  resumed.generation_id = generation_id_;
  port_.send(std::move(resumed));
}

status agent::apply_resume(const wire::ResumeT& resume) {
  if (resume.entropy.size() < least_entropy_bytes)
    return error("the order has " + std::to_string(resume.entropy.size()) +
                 " bytes of entropy, but needs 64");
  if (resume.generation_id.empty()) return error("the order has no generation_id");
  if (auto done = reseed_random(resume.entropy); !done) return done;
  if (auto done = set_clock(resume.time_ns); !done) return done;
  if (auto done = names_.set({resume.hostname, resume.machine_id, resume.boot_id}); !done)
    return done;
  if (auto done = renew_hardware_address(resume.boot_id); !done) return done;
  libukp_->set_generation_id(resume.generation_id);
  if (auto done = roms_.mount(places(resume.roms)); !done) return done;
  sleep_line_.awake();
  // Last: who is told by it finds everything renewed.
  return publish_generation(resume.generation_id);
}

void agent::on_shutdown(const wire::Shutdown& shutdown) {
  log_line("shutdown requested");
  if (!workload_) return end_with(0);
  if (kill_deadline_ || ending_ != ending::no) return;
  libukp_->answer_writes(EINTR);
  ::kill(workload_->pid(), SIGTERM);
  ::kill(workload_->pid(), SIGCONT);
  kill_deadline_ =
      clock::now() + std::chrono::milliseconds(std::min(shutdown.grace_ms(), grace_limit_ms));
}

void agent::on_main_exit(int wait_status) {
  // The verdict was written before the exit, but the two are reported in any order.
  on_verdict();
  if (failed_) return;
  const int code =
      WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
  log_line("workload exited with code " + std::to_string(code));
  end_with(code);
}

}  // namespace platen::guest
