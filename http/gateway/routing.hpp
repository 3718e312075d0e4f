// A table made ready to be searched, and the choice of a backend.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/gateway/gateway.hpp"
#include "http/gateway/tls.hpp"

namespace platen::gateway {

// What one instance has in hand, shared by all tables that have it. Thread-safe.
struct backend_load {
  std::string instance_id;
  std::atomic<std::uint32_t> in_flight{0};
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint32_t> passed_through{0};
  std::atomic<std::chrono::steady_clock::rep> last_byte{0};

  void touch() {
    last_byte.store(std::chrono::steady_clock::now().time_since_epoch().count(),
                    std::memory_order_relaxed);
  }
};

// A connection that is passed through to a backend, for as long as it lives.
class passed_through {
 public:
  explicit passed_through(std::shared_ptr<backend_load> at) : at_(std::move(at)) {
    at_->touch();
    at_->passed_through.fetch_add(1);
  }
  passed_through(const passed_through&) = delete;
  passed_through& operator=(const passed_through&) = delete;
  ~passed_through() { at_->passed_through.fetch_sub(1); }

 private:
  std::shared_ptr<backend_load> at_;
};

// A place at a backend: given back when it goes.
class lease {
 public:
  lease() = default;
  lease(std::shared_ptr<backend_load> of, const hooks* tell) : of_(std::move(of)), tell_(tell) {}
  lease(lease&& other) noexcept = default;
  lease& operator=(lease&& other) noexcept {
    give_back();
    of_ = std::move(other.of_);
    tell_ = other.tell_;
    return *this;
  }
  ~lease() { give_back(); }

  explicit operator bool() const { return of_ != nullptr; }

 private:
  void give_back();

  std::shared_ptr<backend_load> of_;
  const hooks* tell_ = nullptr;
};

struct ready_backend {
  backend at;
  std::shared_ptr<backend_load> load;
};

struct ready_route {
  route of;  // without backends
  std::vector<ready_backend> backends;
};

struct ready_listener {
  std::uint16_t port = 0;
  std::uint16_t public_port = 0;
  protocol speaks = protocol::tcp;
  std::vector<ready_route> routes;
  std::map<std::string, const ready_route*, std::less<>> by_domain;
  identities certificates;  // of this listener's domains

  // Null if no group has the name. Plain TCP has one route, whatever the name.
  const ready_route* find(const std::string& domain) const;
  // Null unless all clients without SNI can mean only one group.
  const tls_identity* without_name() const;
};

struct ready_table {
  std::map<std::uint16_t, ready_listener> listeners;  // by port
};

// Remembers what instances have in hand from one table to the next. Thread-safe.
class load_book {
 public:
  // Made, where it is not known yet, with what the instance has taken before.
  std::shared_ptr<backend_load> of(const std::string& instance_id, std::uint64_t taken_before);
  std::vector<load> all() const;
  // Those that neither a table nor a request refers to.
  void forget_unused();

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::weak_ptr<backend_load>> loads_;
};

std::shared_ptr<const ready_table> make_ready(table from, load_book& loads);

struct picked {
  enum class kind {
    backend,
    none,  // nothing runs
    full   // all that run are at their hard limit
  };
  kind what = kind::none;
  const ready_backend* which = nullptr;
  lease place;
  bool crowded = false;  // it is at its soft limit, and so are all others
};

// The one with the least in flight, below the soft limit if there is one, never at the hard limit,
// none of `tried` (addresses and ports as place_of gives them).
picked pick(const ready_route& from, const std::vector<std::string>& tried, const hooks& tell);

std::string place_of(const backend& at);

}  // namespace platen::gateway
