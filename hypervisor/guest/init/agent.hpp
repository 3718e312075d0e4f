// The agent: one event loop around the host's messages, the workload and its write.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hypervisor/guest/init/event_loop.hpp"
#include "hypervisor/guest/init/identity.hpp"
#include "hypervisor/guest/init/libukp.hpp"
#include "hypervisor/guest/init/ports.hpp"
#include "hypervisor/guest/init/roms.hpp"
#include "hypervisor/guest/init/sleep_line.hpp"
#include "hypervisor/guest/init/workload.hpp"

namespace platen::guest {

struct agent_devices {
  owned_fd agent_port;
  owned_fd output_port;
  std::string rom_disk;  // empty: the machine has none
};

class agent {
 public:
  explicit agent(agent_devices devices);

  // Mounts /uk/libukp and serves until the workload has ended or something failed, the host has
  // been told as far as it listens, and only the power is left to switch off.
  void run();

  // Tells the host why the machine cannot be used, waiting some seconds for it to listen.
  void give_up(const std::string& stage, const std::string& reason);

 private:
  // After the workload: first its last output is carried, then the host is told.
  enum class ending { no, carrying_output, telling_host, done };

  status prepare();
  void handle(const event_loop::event& event);
  void handle_port(std::uint32_t flags);
  void handle_child_signals();
  void handle_deadlines();
  void finish_step();

  void on_message(const verified_message& message);
  void on_hello(const wire::Hello& hello);
  void on_start(const wire::Start& start);
  void on_resume(const wire::Resume& resume);
  void on_shutdown(const wire::Shutdown& shutdown);
  void on_wake(const wire::Wake& wake);
  void on_refuse(const wire::Refuse& refuse);
  void on_sleep_notice(const wire::SleepNotice& notice);
  bool on_template_write();
  void send_started();
  void send_signal();
  void send_exited();
  void send_resumed(std::uint64_t nonce);
  void on_verdict();
  void on_main_exit(int wait_status);

  status apply_start(const wire::StartT& start);
  status apply_resume(const wire::ResumeT& resume);
  void fail(const std::string& stage, const std::string& reason);
  void end_with(int exit_code);
  event_loop::deadline next_deadline() const;

  event_loop loop_;
  agent_port port_;
  output_pump output_;
  rom_drive roms_;
  shown_names names_;
  sleep_line sleep_line_;
  std::optional<libukp> libukp_;
  std::optional<workload> workload_;
  owned_fd child_signals_;

  wire::Phase phase_ = wire::Phase::Idle;
  std::uint32_t signals_ = 0;
  bool started_ = false;  // the workload was executed
  bool failed_ = false;
  bool output_waits_ = false;
  std::string generation_id_;
  int exit_code_ = 0;

  ending ending_ = ending::no;
  event_loop::deadline ending_deadline_;
  event_loop::deadline kill_deadline_;
  event_loop::deadline partial_deadline_;
};

}  // namespace platen::guest
