// A counted bound: so many of something at the same time, and no waiting for more.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace platen::http {

// Thread-safe. Must outlive its leases.
class capacity {
 public:
  // Gives its share back when it is destroyed. Moved-from leases hold nothing.
  class lease {
   public:
    lease(capacity& of, std::uint64_t amount) : of_(&of), amount_(amount) {}
    lease(lease&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), amount_(other.amount_) {}
    lease& operator=(lease&& other) noexcept {
      std::swap(of_, other.of_);
      std::swap(amount_, other.amount_);
      return *this;
    }
    ~lease() {
      if (of_ != nullptr) of_->used_.fetch_sub(amount_);
    }

   private:
    capacity* of_;
    std::uint64_t amount_;
  };

  explicit capacity(std::uint64_t limit) : limit_(limit) {}

  // Nothing if less than `amount` is left.
  std::optional<lease> try_take(std::uint64_t amount = 1) {
    auto used = used_.load();
    do {
      if (amount > limit_ || used > limit_ - amount) return std::nullopt;
    } while (!used_.compare_exchange_weak(used, used + amount));
    return lease(*this, amount);
  }

  std::uint64_t used() const { return used_.load(); }

 private:
  const std::uint64_t limit_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace platen::http
