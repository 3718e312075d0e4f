// How many clones of each snapshot are kept ready. Pure: time comes in as an argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace platen::hypervisor::qemu {

// The orders of the recent past; each counts half as much with every half-life.
class order_demand {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  // An occasional order keeps one clone ready for 6.6 minutes, since below a tenth counts as
  // nothing.
  static constexpr std::chrono::seconds half_life{120};
  static constexpr double least = 0.1;

  void note_order(time_point now);
  double at(time_point now) const;
  // The clones it asks for: as many as there were orders, as far as they still count.
  std::size_t wanted(time_point now, std::size_t limit) const;
  // When `wanted` with that limit will be less, if no order comes; nothing once it is 0.
  std::optional<time_point> next_decrease(time_point now, std::size_t limit) const;

 private:
  double orders_ = 0;  // at `since_`
  time_point since_{};
};

struct pool_candidate {
  double demand = 0;
  std::size_t wanted = 0;
  std::size_t present = 0;       // clones that are ready or being made ready
  std::uint64_t bytes_each = 0;  // memory one takes; at least 1
};

// Divides the memory between snapshots: for each candidate the clones it may have, at most those it
// wants. The next one always goes to the greatest demand a clone; those that are present count
// twice, so that snapshots of about the same demand do not drive each other's clones out in turn.
std::vector<std::size_t> share_out(const std::vector<pool_candidate>& candidates,
                                   std::uint64_t limit_bytes);

// How long no clone of a snapshot is made after that many failures in a row: 1 s, doubled each
// time, 5 minutes at most. 0 without a failure.
std::chrono::seconds pause_after_failures(std::size_t failures);

}  // namespace platen::hypervisor::qemu
