// The event log in memory: the promises of event_log without a disk, for tests and simulation.
#pragma once

#include <deque>
#include <memory>
#include <shared_mutex>

#include "store/event_log.hpp"
#include "store/sequencer.hpp"
#include "store/subscribers.hpp"

namespace platen::store {

// Appends are decided, and `done` and the listeners are called, on the caller's thread before
// append returns, in a fixed order: a single-threaded test is deterministic. All functions are
// thread-safe. Everything is kept in memory for as long as the log lives.
class memory_log final : public event_log {
 public:
  memory_log() = default;

  void append(append_request request, append_callback done) override;
  result<void> read_stream_records(const std::string& stream, std::uint64_t after_version,
                                   const record_visitor& visit) const override;
  result<void> read_records(std::uint64_t after_sequence,
                            const record_visitor& visit) const override;
  head newest() const override;
  std::uint64_t subscribe(listener tell) override;
  void unsubscribe(std::uint64_t token) override;

  // From now on requests wait, undecided, as they do behind a slow disk, until commit(). At most
  // 65,536 wait; further ones get kind::busy.
  void hold();

  // Decides everything that waits as one group, then calls back in order. With hold() still on.
  void commit();

  // Decides everything that waits and goes back to deciding at once.
  void release();

  // As if the disk failed now: what waits and everything later gets kind::io.
  void fail(std::string message);

 private:
  struct waiting {
    prepared_append request;
    append_callback done;
  };

  std::deque<waiting> take_waiting();
  result<appended> decide(const prepared_append& request);
  std::shared_ptr<const std::string> record(std::uint64_t sequence) const;
  std::uint64_t sequence_of(const std::string& stream, std::uint64_t version) const;

  mutable std::shared_mutex mutex_;
  std::deque<std::shared_ptr<const std::string>> records_;               // [sequence - 1]
  std::unordered_map<std::string, std::vector<std::uint64_t>> streams_;  // [version - 1]
  sequencer sequencer_{{}, [this](const std::string& stream) -> result<std::uint64_t> {
                         const auto found = streams_.find(stream);
                         return found == streams_.end() ? 0 : found->second.size();
                       }};
  std::deque<waiting> waiting_;
  bool holding_ = false;
  std::string failure_;
  subscribers subscribers_;
};

}  // namespace platen::store
