#include "hypervisor/qemu/agent.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <span>

#include "hypervisor/qemu/console_text.hpp"

namespace platen::hypervisor::qemu {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t guest_text_limit = 1024;

milliseconds left_until(clock::time_point end) {
  return std::max(std::chrono::duration_cast<milliseconds>(end - clock::now()), milliseconds(0));
}

tl::expected<std::uint64_t, std::string> fresh_nonce() {
  std::uint64_t nonce = 0;
  if (::getrandom(&nonce, sizeof nonce, 0) != sizeof nonce)
    return tl::unexpected(std::string("the kernel gave no random bytes"));
  return nonce;
}

std::string exit_sentence(std::int32_t code) {
  return "the workload exited with code " + std::to_string(code);
}

// What ends any wait for an answer: the guest's own report that it failed or that it is over.
std::optional<std::string> refusal(const guest::verified_message& message) {
  if (const auto* failure = message.as<wire::Failed>())
    return "the guest failed at " + printable(failure->stage()) + ": " +
           printable(failure->reason());
  if (const auto* over = message.as<wire::Exited>()) return exit_sentence(over->exit_code());
  return std::nullopt;
}

}  // namespace

std::string printable(const flatbuffers::String* text) {
  if (text == nullptr) return {};
  return clean_text(
      std::string_view(text->c_str(), std::min<std::size_t>(text->size(), guest_text_limit)));
}

tl::expected<void, std::string> agent_client::connect(int directory_fd, const std::string& name) {
  decoder_ = {};
  received_.clear();
  return connection_.connect(directory_fd, name, "the guest's agent");
}

template <typename Body>
task<tl::expected<void, std::string>> agent_client::send(Body body, milliseconds limit) {
  const auto frame = guest::encode_body(std::move(body));
  if (!frame) co_return tl::unexpected(frame.error());
  std::string bytes(frame->begin(), frame->end());
  co_return co_await connection_.write(std::move(bytes), limit);
}

task<tl::expected<guest::verified_message, std::string>> agent_client::receive(
    std::optional<milliseconds> limit) {
  const auto end = clock::now() + limit.value_or(milliseconds(0));
  while (received_.empty()) {
    std::array<char, 4096> chunk;
    std::optional<milliseconds> left;
    if (limit) left = left_until(end);
    const auto size = co_await connection_.read_some(chunk, left);
    if (!size) co_return tl::unexpected(size.error());
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(chunk.data());
    for (auto& message : decoder_.feed(std::span(bytes, *size)))
      received_.push_back(std::move(message));
  }
  auto message = std::move(received_.front());
  received_.pop_front();
  co_return message;
}

task<tl::expected<welcome, std::string>> agent_client::handshake(milliseconds limit) {
  const auto sent = co_await greet(limit);
  if (!sent) co_return tl::unexpected(sent.error());
  co_return co_await await_welcome(limit);
}

task<tl::expected<void, std::string>> agent_client::greet(milliseconds limit) {
  const auto nonce = fresh_nonce();
  if (!nonce) co_return tl::unexpected(nonce.error());
  greeting_nonce_ = *nonce;
  wire::HelloT hello;
  hello.protocol = guest::protocol_version;
  hello.nonce = *nonce;
  co_return co_await send(std::move(hello), limit);
}

task<tl::expected<welcome, std::string>> agent_client::await_welcome(milliseconds limit) {
  const auto end = clock::now() + limit;
  for (;;) {
    const auto message = co_await receive(left_until(end));
    if (!message) co_return tl::unexpected(message.error());
    const auto* answer = message->as<wire::Welcome>();
    // Everything before our own nonce was meant for an earlier connection.
    if (answer == nullptr || answer->nonce() != greeting_nonce_) continue;
    if (answer->protocol() != guest::protocol_version)
      co_return tl::unexpected("the guest's agent speaks protocol " +
                               std::to_string(answer->protocol()) + ", this daemon speaks " +
                               std::to_string(guest::protocol_version));
    welcome greeting;
    greeting.phase = answer->phase();
    greeting.generation_id = printable(answer->generation_id());
    greeting.exit_code = answer->exit_code();
    if (greeting.phase == wire::Phase::Signalled) {
      const auto signal = co_await repeated_signal(left_until(end));
      if (!signal) co_return tl::unexpected(signal.error());
      greeting.held_signal = *signal;
    }
    co_return greeting;
  }
}

task<tl::expected<std::uint32_t, std::string>> agent_client::repeated_signal(milliseconds limit) {
  const auto end = clock::now() + limit;
  for (;;) {
    const auto message = co_await receive(left_until(end));
    if (!message) co_return tl::unexpected(message.error());
    if (const auto* signal = message->as<wire::Signal>()) co_return signal->number();
  }
}

task<tl::expected<void, std::string>> agent_client::start(wire::StartT order, milliseconds limit) {
  const auto end = clock::now() + limit;
  const auto sent = co_await send(std::move(order), limit);
  if (!sent) co_return sent;
  for (;;) {
    const auto message = co_await receive(left_until(end));
    if (!message) co_return tl::unexpected(message.error());
    if (message->as<wire::Started>() != nullptr) co_return tl::expected<void, std::string>{};
    if (auto reason = refusal(*message)) co_return tl::unexpected(std::move(*reason));
  }
}

task<tl::expected<void, std::string>> agent_client::order_resume(wire::ResumeT order,
                                                                 milliseconds limit) {
  const auto nonce = fresh_nonce();
  if (!nonce) co_return tl::unexpected(nonce.error());
  order.nonce = *nonce;
  resume_nonce_ = *nonce;
  resume_generation_ = order.generation_id;
  co_return co_await send(std::move(order), limit);
}

task<tl::expected<void, std::string>> agent_client::await_resumed(milliseconds limit) {
  const auto end = clock::now() + limit;
  for (;;) {
    const auto message = co_await receive(left_until(end));
    if (!message) co_return tl::unexpected(message.error());
    const auto* answer = message->as<wire::Resumed>();
    if (answer != nullptr && answer->nonce() == resume_nonce_ &&
        printable(answer->generation_id()) == resume_generation_)
      co_return tl::expected<void, std::string>{};
    if (auto reason = refusal(*message)) co_return tl::unexpected(std::move(*reason));
  }
}

task<tl::expected<void, std::string>> agent_client::wake(std::int64_t time_ns, milliseconds limit) {
  const auto end = clock::now() + limit;
  const auto nonce = fresh_nonce();
  if (!nonce) co_return tl::unexpected(nonce.error());
  wire::WakeT order;
  order.nonce = *nonce;
  order.time_ns = time_ns;
  const auto sent = co_await send(std::move(order), limit);
  if (!sent) co_return sent;
  std::optional<guest::verified_message> signal;
  for (;;) {
    auto message = co_await receive(left_until(end));
    if (!message) co_return tl::unexpected(message.error());
    const auto* answer = message->as<wire::Awake>();
    if (answer != nullptr && answer->nonce() == *nonce) break;
    if (auto reason = refusal(*message)) co_return tl::unexpected(std::move(*reason));
    if (message->as<wire::Signal>() != nullptr) signal = std::move(*message);
  }
  // The guest repeats a signal after the greeting; whoever listens next shall hear it.
  if (signal) received_.push_front(std::move(*signal));
  co_return tl::expected<void, std::string>{};
}

task<tl::expected<void, std::string>> agent_client::set_clock(std::int64_t time_ns,
                                                              milliseconds limit) {
  wire::WakeT order;
  order.time_ns = time_ns;
  co_return co_await send(std::move(order), limit);
}

task<tl::expected<void, std::string>> agent_client::refuse(std::uint32_t signal_number,
                                                           milliseconds limit) {
  wire::RefuseT order;
  order.number = signal_number;
  co_return co_await send(std::move(order), limit);
}

task<tl::expected<void, std::string>> agent_client::announce_sleep(bool coming,
                                                                   milliseconds limit) {
  wire::SleepNoticeT notice;
  notice.coming = coming;
  co_return co_await send(std::move(notice), limit);
}

task<tl::expected<void, std::string>> agent_client::shut_down(std::uint32_t grace_ms,
                                                              milliseconds limit) {
  wire::ShutdownT order;
  order.grace_ms = grace_ms;
  co_return co_await send(std::move(order), limit);
}

}  // namespace platen::hypervisor::qemu
