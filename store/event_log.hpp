// The event log as the rest of Platen sees it: append durably, read verified, be told of news.
//
// Two implementations: rocksdb_log (the real one) and memory_log (tests and `--hypervisor sim`
// trials). Both keep the same promises and pass the same conformance suite, tests/store/log_suite.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "events/envelope.hpp"

namespace platen::store {

struct error {
  enum class kind {
    version_conflict,  // expected_version is not the stream's version; nothing was written
    too_large,         // the batch exceeds a documented limit; nothing was written
    io,                // the disk failed: the log accepts nothing any more, the process must end
    corrupt,           // stored bytes do not verify; `sequence` is the first bad one
    closed,            // the log was closed (or opened read-only) before the append was written
    busy,              // too much is queued already; nothing was written, try again later
    invalid            // the request itself is malformed; the message names the field
  };
  kind what = kind::io;
  std::string message;
  std::uint64_t sequence = 0;
};

template <class T>
using result = tl::expected<T, error>;

// Events of one command on one stream: all become durable together or none does.
struct append_request {
  std::string stream;
  std::uint64_t expected_version = 0;  // the stream's version before this append; 0: new stream
  events::cause why;
  std::int64_t time_us = 0;
  std::vector<events::event> what;  // 1 to 64 events
};

struct appended {
  std::uint64_t first_sequence = 0;
  std::uint64_t version = 0;  // the stream's version after the append
};

struct head {
  std::uint64_t sequence = 0;  // 0: empty
  events::digest hash{};
  friend bool operator==(const head&, const head&) = default;
};

class event_log {
 public:
  using append_callback = std::function<void(result<appended>)>;
  // Returns false to stop reading.
  using visitor = std::function<bool(const events::envelope&)>;
  // With the event's record, the very bytes that the hash chain covers; valid during the call.
  using record_visitor = std::function<bool(const events::envelope&, std::string_view record)>;
  using listener = std::function<void(std::uint64_t newest_sequence)>;

  virtual ~event_log() = default;

  // Queues the request for the next group commit. `done` is called exactly once, from the writer's
  // thread, after the events are synced to disk, or with the reason why they are not; what can be
  // refused without the writer (invalid, too_large, busy, closed, io after an earlier failure) is
  // reported on the caller's thread before append returns. It must neither block nor throw; it may
  // call append. Requests of one stream are decided in the order of the calls. Thread-safe.
  //
  // Limits: a stream name is 1 to 255 printable ASCII characters; 64 events a request; 4 MiB an
  // event and 16 MiB a request, encoded. time_us and why are stored as given; request_id and
  // principal have at most 1 KiB each.
  virtual void append(append_request request, append_callback done) = 0;

  // Visits a stream's events with version > after_version in order. Every record is verified.
  virtual result<void> read_stream_records(const std::string& stream, std::uint64_t after_version,
                                           const record_visitor& visit) const = 0;

  // Visits all events with sequence > after_sequence in order. Every record is verified.
  virtual result<void> read_records(std::uint64_t after_sequence,
                                    const record_visitor& visit) const = 0;

  // The same, for those who do not need the bytes.
  result<void> read_stream(const std::string& stream, std::uint64_t after_version,
                           const visitor& visit) const {
    return read_stream_records(stream, after_version,
                               [&](const auto& event, std::string_view) { return visit(event); });
  }
  result<void> read_all(std::uint64_t after_sequence, const visitor& visit) const {
    return read_records(after_sequence,
                        [&](const auto& event, std::string_view) { return visit(event); });
  }

  // The version of a stream's newest event; 0: there is no such stream.
  virtual result<std::uint64_t> stream_version(const std::string& stream) const {
    std::uint64_t newest = 0;
    const auto read = read_stream(stream, 0, [&](const events::envelope& event) {
      newest = event.version;
      return true;
    });
    if (!read) return tl::unexpected(read.error());
    return newest;
  }

  // The newest durable event. Thread-safe, cheap.
  virtual head newest() const = 0;

  // Compares what the implementation keeps beside the events (the index of the streams) with the
  // events themselves. kind::corrupt names what disagrees. Reads everything; thread-safe.
  virtual result<void> check_index() const { return {}; }

  // Calls `tell` after each group commit, from the writer's thread; it must not block. Returns a
  // token for unsubscribe; after unsubscribe returned, `tell` is not called again (so do not hold a
  // lock that `tell` takes while calling unsubscribe). `tell` may unsubscribe itself.
  virtual std::uint64_t subscribe(listener tell) = 0;
  virtual void unsubscribe(std::uint64_t token) = 0;
};

}  // namespace platen::store
