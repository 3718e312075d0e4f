// The two virtio-serial ports. A port of which the host's end is closed polls as hung up all the
// time, so ports are watched edge-triggered and each call here works until the kernel has no more.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

// The agent's side of "platen.agent". The host may vanish at any moment, even within a frame.
class agent_port {
 public:
  static constexpr std::size_t queue_limit = 64;  // frames

  explicit agent_port(owned_fd port) : port_(std::move(port)) {}
  int fd() const { return port_.get(); }

  std::vector<verified_message> receive();

  // Queues the message and writes what can be written. When the queue is full the oldest frames
  // are dropped: a host that comes back asks anew.
  template <typename Body>
  void send(Body body) {
    auto frame = encode_body(std::move(body));
    if (!frame) return log_line("message dropped: " + frame.error());
    push(std::move(*frame));
  }

  // Writes what can be written now.
  void flush();
  bool idle() const { return queue_.empty(); }

  // To be called when the host's end was closed: what was half said is forgotten by both.
  void hang_up();

  // The incomplete frame that waits here, if any, waits in vain from this moment on.
  bool receiving() const { return decoder_.partial(); }
  std::vector<verified_message> give_up_partial() { return decoder_.abandon_partial(); }

 private:
  void push(std::vector<std::uint8_t> frame);

  owned_fd port_;
  frame_decoder decoder_;
  std::deque<std::vector<std::uint8_t>> queue_;
  std::size_t written_ = 0;  // of the first frame
};

// Carries the workload's output from its pipe to "platen.output". Holds one buffer; when the port
// takes no more, the pipe fills up and the workload waits.
class output_pump {
 public:
  static constexpr std::size_t buffer_bytes = 16384;

  explicit output_pump(owned_fd port) : port_(std::move(port)) {}
  int port_fd() const { return port_.get(); }

  void set_source(owned_fd pipe) { pipe_ = std::move(pipe); }

  enum class outcome { waiting, more };
  // Carries at most 256 KiB, so that a workload which never stops talking cannot keep the agent.
  outcome carry();

  // Whether everything the workload ever wrote has been carried.
  bool finished() const { return !pipe_.is_open() && buffer_.empty(); }

 private:
  bool fill();
  bool drain();

  owned_fd port_;
  owned_fd pipe_;
  std::string buffer_;
  std::size_t written_ = 0;
};

}  // namespace platen::guest
