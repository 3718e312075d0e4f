// The daemon's end of the agent protocol (guest/protocol.fbs). What comes from the guest is
// hostile: frames are bounded and verified by the decoder, and strings taken from them are cut
// here.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/qemu/unix_connection.hpp"

namespace platen::hypervisor::qemu {

namespace wire = guest::wire;

struct welcome {
  wire::Phase phase = wire::Phase::Idle;
  std::string generation_id;
  std::int32_t exit_code = 0;
  std::uint32_t held_signal = 0;  // its number; 0 if the guest holds none

  bool has_workload() const {
    return phase == wire::Phase::Signalled || phase == wire::Phase::Running;
  }
};

class agent_client {
 public:
  explicit agent_client(asio::io_context& io) : connection_(io) {}

  tl::expected<void, std::string> connect(int directory_fd, const std::string& name);

  // Sends a fresh nonce and waits until exactly that nonce comes back, and for the signal that a
  // guest which holds one repeats after it: whoever has greeted a guest knows all it has said.
  task<tl::expected<welcome, std::string>> handshake(milliseconds limit);
  task<tl::expected<void, std::string>> start(wire::StartT order, milliseconds limit);
  // handshake() and the order to a clone in their parts, because a guest that stands still can be
  // sent both at once: it finds them when it runs, and each answer is awaited by its nonce.
  task<tl::expected<void, std::string>> greet(milliseconds limit);
  task<tl::expected<welcome, std::string>> await_welcome(milliseconds limit);
  task<tl::expected<void, std::string>> order_resume(wire::ResumeT order, milliseconds limit);
  task<tl::expected<void, std::string>> await_resumed(milliseconds limit);
  // Sets the clock of a guest that stood still, and with wake() waits until it is set.
  task<tl::expected<void, std::string>> set_clock(std::int64_t time_ns, milliseconds limit);
  task<tl::expected<void, std::string>> wake(std::int64_t time_ns, milliseconds limit);
  task<tl::expected<void, std::string>> refuse(std::uint32_t signal_number, milliseconds limit);
  task<tl::expected<void, std::string>> announce_sleep(bool coming, milliseconds limit);
  task<tl::expected<void, std::string>> shut_down(std::uint32_t grace_ms, milliseconds limit);

  // The next message of the guest's own accord; an error when the connection ends.
  task<tl::expected<guest::verified_message, std::string>> receive(
      std::optional<milliseconds> limit = std::nullopt);
  void close() { connection_.close(); }

 private:
  task<tl::expected<std::uint32_t, std::string>> repeated_signal(milliseconds limit);
  template <typename Body>
  task<tl::expected<void, std::string>> send(Body body, milliseconds limit);

  unix_connection connection_;
  guest::frame_decoder decoder_;
  std::deque<guest::verified_message> received_;
  std::uint64_t greeting_nonce_ = 0;
  std::uint64_t resume_nonce_ = 0;
  std::string resume_generation_;
};

// Text from the guest for people to read: cut to 1,024 bytes and cleaned.
std::string printable(const flatbuffers::String* text);

}  // namespace platen::hypervisor::qemu
