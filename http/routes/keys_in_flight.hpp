// The idempotency keys whose requests are being carried out now, so that a repetition waits.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

namespace platen::http {

// Thread-safe. Holds at most one key a connection: what came before is in the log, not here.
class keys_in_flight {
 public:
  // The right to carry the key's request out; given back by the destructor, which wakes who waits.
  class claim {
   public:
    claim(keys_in_flight& of, std::string digest) : of_(&of), digest_(std::move(digest)) {}
    claim(claim&& other) noexcept
        : of_(std::exchange(other.of_, nullptr)), digest_(std::move(other.digest_)) {}
    claim& operator=(claim&& other) = delete;
    ~claim() {
      if (of_ != nullptr) of_->give_back(digest_);
    }

   private:
    keys_in_flight* of_;
    std::string digest_;
  };

  // Nothing while another request holds it.
  std::optional<claim> try_claim(const std::string& digest) {
    const std::lock_guard lock(mutex_);
    if (!held_.insert(digest).second) return std::nullopt;
    return claim(*this, digest);
  }

  // Blocks until the key may be free. False if the client has left or waits were cancelled.
  bool await(const std::string& digest, const std::stop_token& left) {
    const std::stop_callback waken(left, [this] {
      const std::lock_guard lock(mutex_);
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return cancelled_ || left.stop_requested() || !held_.contains(digest); });
    return !cancelled_ && !left.stop_requested();
  }

  // Ends all present and future waits.
  void cancel_waits() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }

 private:
  void give_back(const std::string& digest) {
    const std::lock_guard lock(mutex_);
    held_.erase(digest);
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> held_;
  bool cancelled_ = false;
};

}  // namespace platen::http
