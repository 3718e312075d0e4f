#include "tools/demo_image/server/identity_page.hpp"

#include <array>
#include <chrono>
#include <cstdio>

#include "tools/demo_image/server/text.hpp"

namespace platen::demo {
namespace {

constexpr std::size_t random_bytes = 16;

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(c));
    text += digits.data();
  }
  return text;
}

std::string seconds_since_epoch() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%ld.%03ld", milliseconds / 1000, milliseconds % 1000);
  return text.data();
}

}  // namespace

std::string identity_document(bool is_clone) {
  const std::string random = "/proc/sys/kernel/random/";
  return "{\"boot_id\":" + json_string(read_line(random + "boot_id")) +
         ",\"uuid\":" + json_string(read_line(random + "uuid")) +
         ",\"urandom\":" + json_string(hex(read_file("/dev/urandom", random_bytes))) +
         ",\"machine_id\":" + json_string(read_line("/etc/machine-id")) +
         ",\"hostname\":" + json_string(host_name()) + ",\"time\":" + seconds_since_epoch() +
         ",\"is_clone\":" + (is_clone ? "true" : "false") + "}\n";
}

}  // namespace platen::demo
