// Time spans and what is said about many of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace platen::benchmarks {

class stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

// Seconds of many operations.
class latencies {
 public:
  void add(double seconds) { values_.push_back(seconds); }
  void add(const latencies& others) {
    values_.insert(values_.end(), others.values_.begin(), others.values_.end());
  }

  // In microseconds, of at least one operation; share from 0 to 1.
  double quantile_us(double share) {
    const auto place = static_cast<std::ptrdiff_t>(std::min(
        static_cast<double>(values_.size()) * share, static_cast<double>(values_.size() - 1)));
    std::nth_element(values_.begin(), values_.begin() + place, values_.end());
    return values_[static_cast<std::size_t>(place)] * 1e6;
  }

 private:
  std::vector<double> values_;
};

}  // namespace platen::benchmarks
