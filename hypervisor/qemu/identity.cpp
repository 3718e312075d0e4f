#include "hypervisor/qemu/identity.hpp"

#include <sys/random.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string_view>

namespace platen::hypervisor::qemu {

namespace {

std::string hex(const std::vector<std::uint8_t>& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace

std::vector<std::uint8_t> random_bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  std::size_t filled = 0;
  while (filled < count) {
    const auto n = ::getrandom(bytes.data() + filled, count - filled, 0);
    if (n > 0) filled += static_cast<std::size_t>(n);
    // Nothing may go on with identities that are not random.
    else if (errno != EINTR)
      throw std::runtime_error("the kernel gives no random bytes");
  }
  return bytes;
}

std::string random_uuid() {
  auto bytes = random_bytes(16);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  auto text = hex(bytes);
  for (const std::size_t dash : {8, 13, 18, 23})
    text.insert(dash, "-");
  return text;
}

std::string random_machine_id() {
  return hex(random_bytes(16));
}

std::int64_t wall_clock_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string wall_clock_text() {
  const auto now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return std::string(text, length);
}

}  // namespace platen::hypervisor::qemu
