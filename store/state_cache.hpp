// States of entities as they were after one event of the log, so that a start need not fold the
// whole log again. A cache: everything in it can be made from the events, and may be deleted at any
// time. What the bytes of a state mean is known to whoever writes them.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/event_log.hpp"

namespace platen::store {

// What the cached states are of.
struct state_mark {
  head at;                     // the newest event folded in
  std::string format;          // of the states' bytes
  std::string digest;          // over all states, made by the writer; empty if it makes none
  std::uint64_t entities = 0;  // states there are
  friend bool operator==(const state_mark&, const state_mark&) = default;
};

// Thread-safe. All errors are kind::io or kind::corrupt; the right answer to any is clear().
class state_cache {
 public:
  struct change {
    std::string stream;
    std::optional<std::string> state;  // nothing: there is none any more
  };
  using visitor = std::function<bool(const std::string& stream, std::string_view state)>;

  virtual ~state_cache() = default;

  // Nothing if the cache is empty.
  virtual result<std::optional<state_mark>> mark() const = 0;
  virtual result<std::optional<std::string>> find(const std::string& stream) const = 0;
  // In the order of the stream names; until `visit` returns false.
  virtual result<void> visit_all(const visitor& visit) const = 0;

  // All of it becomes visible together or, after a crash, none of it. Not synced: a power cut may
  // bring back an older mark with the states of then.
  virtual result<void> write(const state_mark& mark, const std::vector<change>& changes) = 0;
  virtual result<void> clear() = 0;
};

// In memory, for tests and beside a memory_log.
class memory_state_cache final : public state_cache {
 public:
  result<std::optional<state_mark>> mark() const override;
  result<std::optional<std::string>> find(const std::string& stream) const override;
  result<void> visit_all(const visitor& visit) const override;
  result<void> write(const state_mark& mark, const std::vector<change>& changes) override;
  result<void> clear() override;

 private:
  mutable std::mutex mutex_;
  std::optional<state_mark> mark_;
  std::map<std::string, std::string> states_;
};

}  // namespace platen::store
