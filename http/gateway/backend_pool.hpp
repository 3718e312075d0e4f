// Connections to backends that are kept open between requests. Of one worker.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "http/gateway/limits.hpp"
#include "http/gateway/stream.hpp"

namespace platen::gateway {

class backend_pool {
 public:
  backend_pool(asio::io_context& where, const limits& bounds) : timer_(where), bounds_(bounds) {}

  // Null if there is none that is still good.
  std::unique_ptr<stream> take(const std::string& place) {
    const auto found = idle_.find(place);
    if (found == idle_.end()) return nullptr;
    auto& kept = found->second;
    while (!kept.empty()) {
      auto newest = std::move(kept.back());
      kept.pop_back();
      const bool fresh = clock::now() - newest.since < bounds_.backend_idle;
      if (fresh && !newest.connection->is_spent()) return std::move(newest.connection);
    }
    return nullptr;
  }

  void keep(const std::string& place, std::unique_ptr<stream> connection) {
    auto& kept = idle_[place];
    if (kept.size() >= bounds_.idle_backend_connections) kept.pop_front();
    kept.push_back({std::move(connection), clock::now()});
    if (!waiting_) close_old_later();
  }

  // Closes those to places that are not wanted any more.
  void retain(const auto& wanted) {
    std::erase_if(idle_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  }

 private:
  using clock = std::chrono::steady_clock;
  struct idle {
    std::unique_ptr<stream> connection;
    clock::time_point since;
  };

  // No server is kept waiting for a request that may never come.
  void close_old_later() {
    waiting_ = true;
    timer_.expires_after(bounds_.backend_idle);
    timer_.async_wait([this](const error_code& error) {
      if (error) return;
      waiting_ = false;
      const auto oldest = clock::now() - bounds_.backend_idle;
      for (auto& [place, kept] : idle_)
        while (!kept.empty() && kept.front().since <= oldest)
          kept.pop_front();
      std::erase_if(idle_, [](const auto& entry) { return entry.second.empty(); });
      if (!idle_.empty()) close_old_later();
    });
  }

  asio::steady_timer timer_;
  bool waiting_ = false;  // for the timer
  const limits& bounds_;
  std::map<std::string, std::list<idle>> idle_;  // by address and port
};

}  // namespace platen::gateway
