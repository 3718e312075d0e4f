// Waiting for news of the log on behalf of one connection.
#pragma once

#include <chrono>
#include <cstdint>

#include "http/connection/signal.hpp"
#include "store/event_log.hpp"

namespace platen::http {

// True if the peer of a socket has ended its side.
bool has_left(int socket);

// Used by one thread; the log tells it of news from another.
class log_news {
 public:
  // Made before the first read, so that nothing falls between the two.
  explicit log_news(store::event_log& log)
      : log_(log), subscription_(log.subscribe([this](std::uint64_t) { news_.raise(); })) {}
  ~log_news() { log_.unsubscribe(subscription_); }

  log_news(const log_news&) = delete;
  log_news& operator=(const log_news&) = delete;

  // What is appended from now on counts as news. Call it before reading.
  void expect() const { news_.lower(); }

  enum class wake {
    news,  // there may be some
    idle,  // there was none for so long
    over   // `stop` was raised or the peer of `socket` left
  };
  wake await(const signal& stop, int socket, std::chrono::milliseconds idle_after) const;

 private:
  store::event_log& log_;
  signal news_;
  std::uint64_t subscription_;
};

}  // namespace platen::http
