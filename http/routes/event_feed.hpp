// The events of the log for one client, batch by batch, and then as they happen.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "http/connection/capacity.hpp"
#include "http/connection/signal.hpp"
#include "store/event_log.hpp"

namespace platen::http {

struct feed_wish {
  std::uint64_t after = 0;  // sequence
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
  std::string stream;  // empty: all
  bool follow = false;
  bool records = false;  // each line carries the stored record too, for clients that verify
};

// Used by one thread; the log tells it of news from another.
class event_feed {
 public:
  event_feed(store::event_log& log, feed_wish wish);
  ~event_feed();

  event_feed(const event_feed&) = delete;
  event_feed& operator=(const event_feed&) = delete;

  // The next lines, at most about 64 KiB; empty if there are none now. The error is a line that
  // tells of it; nothing follows.
  tl::expected<std::string, std::string> next();

  // The limit was reached, or there is no more and nobody wants to follow.
  bool complete() const { return complete_; }

  // Blocks until there may be news. False if `stop` was raised or the peer of `socket` left.
  bool await_news(const signal& stop, int socket) const;

 private:
  store::result<void> read(const store::event_log::record_visitor& visit) const;

  store::event_log& log_;
  feed_wish wish_;
  std::uint64_t version_ = 0;  // of the newest event read, when one stream is read
  bool complete_ = false;
  signal news_;
  std::uint64_t subscription_ = 0;
};

}  // namespace platen::http
