// A running daemon's events as they happen, through restarts of the daemon: after a lost connection
// the feed goes on behind the last event it saw, and checks that the chain does too.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "store/record_check.hpp"
#include "tools/platen/client.hpp"

namespace platen::cli {

// How long to wait before the next try: a quarter of a second, doubling up to five seconds, twenty
// times without an event in between (about a minute and a half); then no more.
class retry_schedule {
 public:
  std::optional<std::chrono::milliseconds> next();
  void succeeded() { tries_ = 0; }

 private:
  int tries_ = 0;
};

class live_feed {
 public:
  // Told in words when the connection is lost and when it is there again.
  using announcer = std::function<void(const std::string&)>;
  // Blocks for as long as it is told; tests do not.
  using pause = std::function<void(std::chrono::milliseconds)>;
  using visitor = std::function<bool(const events::envelope&)>;

  live_feed(client api, announcer announce, pause wait);

  // Visits the events after a sequence in order, each checked, until `visit` returns false or, if
  // the feed is not to follow, there are no more. The failure is the last one where retrying did
  // not help; a daemon that is not there at the first try is not waited for.
  result<void> read(std::uint64_t after, bool follow, const visitor& visit);

  // The sequence of the newest event; 0 for an empty log.
  result<std::uint64_t> newest();

 private:
  result<bool> read_once(bool follow, const visitor& visit);
  result<events::envelope> checked(const std::string& line);

  client api_;
  announcer announce_;
  pause wait_;
  retry_schedule schedule_;
  std::uint64_t after_ = 0;
  std::optional<store::chain_check> chain_;
  bool connected_before_ = false;
  bool lost_ = false;
};

}  // namespace platen::cli
