#include "tools/demo_image/server/warm_up.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <thread>
#include <vector>

namespace platen::demo {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint64_t steps = 6;
constexpr std::uint64_t numbers_per_step = 250'000;
constexpr std::array<const char*, steps> step_names{
    "loading the numbers",   "sieving the small primes", "sieving the larger ones",
    "counting what is left", "checking the twins",       "filling the caches"};

std::vector<std::uint64_t> primes_to(std::uint64_t limit) {
  std::vector<bool> composite(limit + 1);
  std::vector<std::uint64_t> primes;
  for (std::uint64_t n = 2; n <= limit; ++n) {
    if (composite[n]) continue;
    primes.push_back(n);
    for (std::uint64_t multiple = n * n; multiple <= limit; multiple += n)
      composite[multiple] = true;
  }
  return primes;
}

std::uint64_t count_primes(std::uint64_t begin, std::uint64_t end,
                           const std::vector<std::uint64_t>& small_primes) {
  std::vector<bool> composite(end - begin);
  for (const std::uint64_t prime : small_primes) {
    const std::uint64_t first = std::max(prime * prime, (begin + prime - 1) / prime * prime);
    for (std::uint64_t multiple = first; multiple < end; multiple += prime)
      composite[multiple - begin] = true;
  }
  for (std::uint64_t n = begin; n < std::min<std::uint64_t>(end, 2); ++n)
    composite[n - begin] = true;
  return static_cast<std::uint64_t>(std::ranges::count(composite, false));
}

}  // namespace

warm_up_result warm_up(std::chrono::milliseconds duration) {
  const auto started = clock::now();
  const auto small_primes = primes_to(1225);  // the square root of the last number, rounded up
  static_assert(1225 * 1225 >= steps * numbers_per_step);
  warm_up_result result;
  for (std::uint64_t step = 0; step < steps; ++step) {
    std::printf("warming up %lu/%lu: %s\n", step + 1, steps, step_names.at(step));
    const auto begin = result.limit;
    result.limit += numbers_per_step;
    result.primes += count_primes(begin, result.limit, small_primes);
    std::this_thread::sleep_until(started + duration * (step + 1) / steps);
  }
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - started);
  std::printf("warm: %lu primes below %lu, after %.1f seconds\n", result.primes, result.limit,
              static_cast<double>(result.took.count()) / 1000);
  return result;
}

}  // namespace platen::demo
