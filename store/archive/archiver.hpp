// Retention: old events leave the live database for sealed segments in a directory, and stay part
// of the log.
//
//   seal the oldest events -> read the file back and verify it -> append HistoryArchived -> drop
//
// Each step is durable before the next begins, and each finds out what is done already: whatever
// was cut short is resumed by the next call, and nothing is ever in neither place.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "store/rocksdb_log.hpp"
#include "store/segment/segment_writer.hpp"

namespace platen::store {

struct archive_policy {
  std::uint64_t keep_events = 1'000'000;   // the newest events, which stay; at least 1
  std::uint64_t segment_events = 100'000;  // in each file; at least 2
  std::string made_by;                     // program and version, for the segments
};

// Archives the oldest `segment_events` of the log into its archive directory, which is made if it
// does not exist (its parent must), provided that at least `keep_events` newer ones stay live;
// nothing if not. Not to be called by two threads at once, nor from a callback of the log. Appends
// and reads go on meanwhile. Returns early, with kind::closed, when `stop` becomes true.
//
// kind::invalid if the log has no archive directory, or if the directory has a segment of the same
// name that belongs to another log; kind::io and kind::corrupt as those of segments and the log.
// Nothing was lost then, and the next call tries again.
result<std::optional<segment_info>> archive_oldest(rocksdb_log& log, const archive_policy& how,
                                                   const std::atomic<bool>& stop);

// A thread that does this whenever the log has become long enough. It waits for the log's
// notifications; after a failure, until the log has grown by a hundredth of a segment.
class archiver {
 public:
  // Called from the archiver's thread: what was archived, or why not. Must not destroy it.
  using listener = std::function<void(const result<segment_info>&)>;

  // The log outlives the archiver.
  archiver(rocksdb_log& log, archive_policy how, listener tell);

  // Ends what is under way at its next event.
  ~archiver();
  archiver(const archiver&) = delete;
  archiver& operator=(const archiver&) = delete;

 private:
  void run();
  void hear(std::uint64_t newest);
  bool archive_one();

  rocksdb_log& log_;
  const archive_policy how_;
  const listener tell_;

  std::mutex mutex_;
  std::condition_variable news_;
  std::uint64_t newest_ = 0;
  std::uint64_t wanted_ = 0;  // the sequence that the log must reach before there is work
  std::atomic<bool> stop_ = false;

  std::uint64_t subscription_ = 0;
  std::thread thread_;
};

}  // namespace platen::store
