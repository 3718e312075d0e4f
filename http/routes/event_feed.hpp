// The events of the log for one client, batch by batch, and then as they happen.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "events/filter.hpp"
#include "http/routes/log_news.hpp"
#include "store/event_log.hpp"

namespace platen::http {

struct feed_wish {
  events::filter which;
  std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();  // of events that pass
  bool follow = false;
  bool records = false;  // each line carries the stored record too, for clients that verify
};

// Used by one thread; the log tells it of news from another.
class event_feed {
 public:
  event_feed(store::event_log& log, feed_wish wish);

  // The next lines, at most about 64 KiB or what 4096 events give; possibly empty. The error is a
  // line that tells of it; nothing follows.
  tl::expected<std::string, std::string> next();

  // The limit or the last wanted event was reached, or there is no more and nobody follows.
  bool complete() const { return complete_; }

  // Everything there was has been read: more comes with news() only. Otherwise call next() again.
  bool caught_up() const { return caught_up_; }

  // Of a feed that follows.
  const log_news& news() const { return *news_; }

 private:
  store::result<void> read(const store::event_log::record_visitor& visit) const;
  bool wants_more(std::uint64_t sequence) const;
  // The stream's name if exactly one is wanted, so that nothing else has to be read.
  const std::string* only_stream() const;

  store::event_log& log_;
  feed_wish wish_;
  std::optional<log_news> news_;
  std::uint64_t version_ = 0;  // of the newest event read, when one stream is read
  bool complete_ = false;
  bool caught_up_ = false;
};

}  // namespace platen::http
