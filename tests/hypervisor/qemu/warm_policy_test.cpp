#include "hypervisor/qemu/warm_policy.hpp"

#include <catch2/catch.hpp>

using namespace platen::hypervisor::qemu;
using namespace std::chrono_literals;

namespace {

using time_point = order_demand::time_point;
const time_point start{1000h};
constexpr std::size_t no_limit = 1000;

order_demand demand_of(std::size_t orders) {
  order_demand demand;
  for (std::size_t i = 0; i < orders; ++i)
    demand.note_order(start);
  return demand;
}

std::uint64_t bytes_of(const std::vector<pool_candidate>& candidates,
                       const std::vector<std::size_t>& shares) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < shares.size(); ++i)
    bytes += shares[i] * candidates[i].bytes_each;
  return bytes;
}

// Every pair of candidates with these values, and every memory from none to more than enough.
template <typename Check>
void for_all_pairs(Check check) {
  std::vector<pool_candidate> values;
  for (const double demand : {0.2, 1.0, 3.0})
    for (const std::size_t wanted : {0, 1, 3})
      for (const std::size_t present : {0, 1, 3})
        for (const std::uint64_t bytes : {1, 2, 5})
          values.push_back({demand, wanted, present, bytes});
  for (const auto& a : values)
    for (const auto& b : values)
      for (std::uint64_t limit = 0; limit <= 31; ++limit)
        check(std::vector<pool_candidate>{a, b}, limit);
}

}  // namespace

TEST_CASE("as many clones are wanted as there were orders, and half of them after a half-life") {
  CHECK(order_demand().wanted(start, no_limit) == 0);
  for (std::size_t orders = 1; orders <= 64; orders *= 2) {
    const auto demand = demand_of(orders);
    CHECK(demand.wanted(start, no_limit) == orders);
    if (orders > 1) CHECK(demand.wanted(start + order_demand::half_life, no_limit) == orders / 2);
    CHECK(demand.wanted(start, 3) == std::min<std::size_t>(orders, 3));
    CHECK(demand.wanted(start, 0) == 0);
  }
}

TEST_CASE("a single order keeps one clone for a while, and then none") {
  const auto demand = demand_of(1);
  CHECK(demand.wanted(start + 6min, no_limit) == 1);
  CHECK(demand.wanted(start + 7min, no_limit) == 0);
  // A clock that was asked before the order changes nothing.
  CHECK(demand.wanted(start - 1h, no_limit) == 1);
}

TEST_CASE("orders that keep coming add up to no more than those of the last minutes") {
  order_demand demand;
  auto now = start;
  for (int i = 0; i < 10'000; ++i)
    demand.note_order(now += 1s);
  // The sum of a geometric series: half-life / ln 2.
  CHECK(demand.at(now) == Approx(173.6).margin(0.5));
}

TEST_CASE("the next decrease is when one clone less is wanted, and not before") {
  for (std::size_t orders = 1; orders <= 20; ++orders)
    for (const std::size_t limit : {1, 2, 7, 1000}) {
      const auto demand = demand_of(orders);
      auto now = start;
      auto wanted = demand.wanted(now, limit);
      while (wanted > 0) {
        INFO(orders << " orders, limit " << limit << ", wanted " << wanted);
        const auto next = demand.next_decrease(now, limit);
        REQUIRE(next);
        CHECK(demand.wanted(*next - 3ms, limit) == wanted);
        REQUIRE(demand.wanted(*next, limit) == wanted - 1);
        now = *next;
        --wanted;
      }
      CHECK_FALSE(demand.next_decrease(now, limit));
    }
}

TEST_CASE(
    "memory is never exceeded, nobody gets more than is wanted, and nothing that fits is left") {
  for_all_pairs([](const std::vector<pool_candidate>& candidates, std::uint64_t limit) {
    const auto shares = share_out(candidates, limit);
    REQUIRE(shares.size() == candidates.size());
    const auto used = bytes_of(candidates, shares);
    REQUIRE(used <= limit);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      REQUIRE(shares[i] <= candidates[i].wanted);
      if (shares[i] < candidates[i].wanted) REQUIRE(used + candidates[i].bytes_each > limit);
    }
  });
}

TEST_CASE("more memory takes no clone away where all are of one size") {
  for_all_pairs([](std::vector<pool_candidate> candidates, std::uint64_t limit) {
    if (candidates[0].bytes_each != candidates[1].bytes_each) return;
    const auto less = share_out(candidates, limit);
    const auto more = share_out(candidates, limit + 1);
    for (std::size_t i = 0; i < less.size(); ++i)
      REQUIRE(more[i] >= less[i]);
  });
}

TEST_CASE("memory goes where the demand is, and is divided in proportion to it") {
  CHECK(share_out({{6, 6, 0, 1}, {3, 3, 0, 1}}, 6) == std::vector<std::size_t>{4, 2});
  CHECK(share_out({{1, 1, 0, 1}, {5, 5, 0, 1}}, 1) == std::vector<std::size_t>{0, 1});
  // One that does not fit leaves its memory to the others.
  CHECK(share_out({{5, 5, 0, 10}, {1, 2, 0, 3}}, 9) == std::vector<std::size_t>{0, 2});
  CHECK(share_out({}, 9).empty());
}

TEST_CASE("clones that are there stay until another snapshot is asked for twice as much") {
  CHECK(share_out({{1.0, 1, 1, 1}, {1.9, 2, 0, 1}}, 1) == std::vector<std::size_t>{1, 0});
  CHECK(share_out({{1.0, 1, 1, 1}, {2.1, 3, 0, 1}}, 1) == std::vector<std::size_t>{0, 1});
}

TEST_CASE("the pause after failures doubles up to five minutes") {
  CHECK(pause_after_failures(0) == 0s);
  CHECK(pause_after_failures(1) == 1s);
  CHECK(pause_after_failures(2) == 2s);
  CHECK(pause_after_failures(9) == 256s);
  CHECK(pause_after_failures(10) == 300s);
  CHECK(pause_after_failures(1'000'000) == 300s);
}
