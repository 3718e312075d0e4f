#include "tests/simulation/trace.hpp"

#include <iomanip>

namespace platen::simulation {

namespace {
constexpr std::uint64_t fnv_prime = 1099511628211U;
}

void trace::line(std::string_view who, std::string_view what) {
  if (out_ == nullptr) return;
  const auto ms = time_us_ / 1000;
  *out_ << std::setw(9) << ms / 1000 << '.' << std::setfill('0') << std::setw(3) << ms % 1000
        << std::setfill(' ') << "  " << std::left << std::setw(19) << who << std::right << what
        << '\n';
}

void trace::mix(std::uint64_t value) {
  hash_ = (hash_ ^ value) * fnv_prime;
  hash_ ^= hash_ >> 29U;
}

void trace::mix(std::string_view bytes) {
  for (const char byte : bytes)
    hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * fnv_prime;
}

}  // namespace platen::simulation
