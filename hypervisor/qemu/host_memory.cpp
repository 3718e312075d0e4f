#include "hypervisor/qemu/host_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace {

constexpr std::uint64_t file_limit = 64 << 10;
// With the terminating zero: the kernel reads it as a C string.
constexpr char trigger[] = "some 200000 2000000";

// The number of kB in the line that begins with this name.
std::optional<std::uint64_t> kilobytes(std::string_view text, std::string_view name) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string found;
    std::uint64_t value = 0;
    if (fields >> found >> value && found == name) return value << 10;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> parse_available_memory(std::string_view meminfo) {
  return kilobytes(meminfo, "MemAvailable:");
}

std::optional<std::uint64_t> available_memory() {
  const auto text = read_file("/proc/meminfo", file_limit);
  return text ? parse_available_memory(*text) : std::nullopt;
}

std::optional<std::uint64_t> parse_proportional_memory(std::string_view smaps_rollup) {
  return kilobytes(smaps_rollup, "Pss:");
}

std::optional<std::uint64_t> proportional_memory(std::int64_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/smaps_rollup", file_limit);
  return text ? parse_proportional_memory(*text) : std::nullopt;
}

std::optional<unique_fd> open_memory_pressure(const std::filesystem::path& file) {
  auto fd = open_file(file, O_RDWR | O_NONBLOCK);
  if (!fd) return std::nullopt;
  if (::write(fd->get(), trigger, sizeof trigger) < 0) return std::nullopt;
  return std::move(*fd);
}

}  // namespace platen::hypervisor::qemu
