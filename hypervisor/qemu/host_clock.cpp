#include "hypervisor/qemu/host_clock.hpp"

#include <x86intrin.h>

#include <chrono>
#include <sstream>
#include <thread>

namespace platen::hypervisor::qemu {

namespace {

using clock = std::chrono::steady_clock;

struct instant {
  clock::time_point time;
  std::uint64_t ticks = 0;
};

// Of several readings the one least disturbed: a preempted thread reads its two clocks far apart.
instant read_both() {
  instant best;
  auto shortest = clock::duration::max();
  for (int i = 0; i < 16; ++i) {
    const auto before = clock::now();
    const auto ticks = __rdtsc();
    const auto after = clock::now();
    if (after - before >= shortest) continue;
    shortest = after - before;
    best = {before + (after - before) / 2, ticks};
  }
  return best;
}

}  // namespace

std::uint64_t measure_tsc_khz() {
  const auto begin = read_both();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto end = read_both();
  const std::chrono::duration<double, std::milli> elapsed = end.time - begin.time;
  return static_cast<std::uint64_t>(static_cast<double>(end.ticks - begin.ticks) / elapsed.count());
}

std::string with_tsc_khz(const std::string& command_line, std::uint64_t khz) {
  std::istringstream words(command_line);
  std::string result = "tsc_early_khz=" + std::to_string(khz);
  for (std::string word; words >> word;)
    if (!word.starts_with("tsc_early_khz=")) result += " " + word;
  return result;
}

}  // namespace platen::hypervisor::qemu
