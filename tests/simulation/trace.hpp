// What happened in a simulation: always as a hash, which is equal for equal runs, and as text for
// the one who looks.
#pragma once

#include <cstdint>
#include <ostream>
#include <string_view>

namespace platen::simulation {

class trace {
 public:
  // With a null `out` only the hash is kept.
  explicit trace(std::ostream* out = nullptr) : out_(out) {}

  bool printing() const { return out_ != nullptr; }

  // The virtual time of the lines that follow, in microseconds since the simulation began.
  void at(std::int64_t time_us) { time_us_ = time_us; }

  // One line: who, what. `what` should be built only while printing() where it costs time.
  void line(std::string_view who, std::string_view what);

  // Something that belongs to the run, but is not worth a line.
  void mix(std::uint64_t value);
  void mix(std::string_view bytes);

  std::uint64_t hash() const { return hash_; }

 private:
  std::ostream* out_;
  std::int64_t time_us_ = 0;
  std::uint64_t hash_ = 14695981039346656037U;
};

}  // namespace platen::simulation
