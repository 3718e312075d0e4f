#include "hypervisor/qemu/warm_policy.hpp"

#include <algorithm>
#include <cmath>

namespace platen::hypervisor::qemu {

namespace {

using seconds = std::chrono::duration<double>;

double score(const pool_candidate& candidate, std::size_t granted) {
  const double weight = granted < candidate.present ? 2 : 1;
  return weight * candidate.demand / static_cast<double>(granted + 1);
}

}  // namespace

void order_demand::note_order(time_point now) {
  orders_ = at(now) + 1;
  since_ = now;
}

double order_demand::at(time_point now) const {
  const double half_lives = seconds(now - since_) / seconds(half_life);
  return orders_ * std::exp2(-std::max(half_lives, 0.0));
}

std::size_t order_demand::wanted(time_point now, std::size_t limit) const {
  const double demand = at(now);
  if (demand < least) return 0;
  return static_cast<std::size_t>(std::min(std::ceil(demand), static_cast<double>(limit)));
}

std::optional<order_demand::time_point> order_demand::next_decrease(time_point now,
                                                                    std::size_t limit) const {
  const auto present = wanted(now, limit);
  if (present == 0) return std::nullopt;
  const double threshold = present == 1 ? least : static_cast<double>(present - 1);
  const auto left = seconds(half_life) * std::log2(at(now) / threshold);
  // A millisecond later it is below the threshold and not just at it.
  return now + std::chrono::ceil<std::chrono::milliseconds>(left) + std::chrono::milliseconds(1);
}

std::vector<std::size_t> share_out(const std::vector<pool_candidate>& candidates,
                                   std::uint64_t limit_bytes) {
  std::vector<std::size_t> granted(candidates.size(), 0);
  auto left = limit_bytes;
  for (;;) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (granted[i] >= candidates[i].wanted || candidates[i].bytes_each > left) continue;
      if (!best || score(candidates[i], granted[i]) > score(candidates[*best], granted[*best]))
        best = i;
    }
    if (!best) return granted;
    ++granted[*best];
    left -= candidates[*best].bytes_each;
  }
}

std::chrono::seconds pause_after_failures(std::size_t failures) {
  constexpr std::chrono::seconds longest{300};
  if (failures == 0) return std::chrono::seconds(0);
  constexpr std::size_t doublings_to_longest = 9;
  const auto doubled =
      std::chrono::seconds(1) * (1 << std::min(failures - 1, doublings_to_longest));
  return std::min<std::chrono::seconds>(doubled, longest);
}

}  // namespace platen::hypervisor::qemu
