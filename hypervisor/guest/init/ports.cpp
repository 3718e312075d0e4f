#include "hypervisor/guest/init/ports.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>

namespace platen::guest {

std::vector<verified_message> agent_port::receive() {
  std::vector<verified_message> messages;
  std::array<std::uint8_t, 4096> bytes{};
  for (;;) {
    const auto size = ::read(port_.get(), bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return messages;
    auto found = decoder_.feed(std::span(bytes).first(static_cast<std::size_t>(size)));
    std::ranges::move(found, std::back_inserter(messages));
  }
}

void agent_port::push(std::vector<std::uint8_t> frame) {
  // The first frame may be half written, so it is never the one that gives way.
  if (queue_.size() >= queue_limit) queue_.erase(queue_.begin() + 1);
  queue_.push_back(std::move(frame));
  flush();
}

void agent_port::flush() {
  while (!queue_.empty()) {
    const auto& frame = queue_.front();
    const auto size = ::write(port_.get(), frame.data() + written_, frame.size() - written_);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    written_ += static_cast<std::size_t>(size);
    if (written_ < frame.size()) continue;
    queue_.pop_front();
    written_ = 0;
  }
}

void agent_port::hang_up() {
  if (written_ > 0) queue_.pop_front();
  written_ = 0;
}

output_pump::outcome output_pump::carry() {
  for (std::size_t rounds = 0; rounds < 16; ++rounds) {
    if (buffer_.empty() && !fill()) return outcome::waiting;
    if (!drain()) return outcome::waiting;
  }
  return outcome::more;
}

bool output_pump::fill() {
  if (!pipe_.is_open()) return false;
  buffer_.resize(buffer_bytes);
  const auto size = ::read(pipe_.get(), buffer_.data(), buffer_.size());
  buffer_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size == 0) pipe_.close();
  return size > 0;
}

bool output_pump::drain() {
  while (written_ < buffer_.size()) {
    const auto size = ::write(port_.get(), buffer_.data() + written_, buffer_.size() - written_);
    if (size <= 0) return false;
    written_ += static_cast<std::size_t>(size);
  }
  buffer_.clear();
  written_ = 0;
  return true;
}

}  // namespace platen::guest
