// Every choice of a simulation, drawn from its seed: the same seed, the same run.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>

namespace platen::simulation {

class dice {
 public:
  explicit dice(std::uint64_t seed) : random_(seed) {}

  // 0 to n - 1; n is at least 1. The slight bias does not matter here, equal results everywhere do.
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }

  // True `n` times in a thousand.
  bool per_mille(std::uint64_t n) { return below(1000) < n; }

  template <class Container>
  const auto& pick(const Container& from) {
    return *std::next(from.begin(), static_cast<std::ptrdiff_t>(below(from.size())));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace platen::simulation
