// The event log on disk: RocksDB, one writer thread, group commit. FORMAT.md describes the bytes.
#pragma once

#include <memory>

#include "store/event_log.hpp"
#include "store/state_cache.hpp"

namespace rocksdb {
class Env;
}

namespace platen::store {

struct archived_segment;

enum class open_mode {
  create,    // read and append; made if it does not exist; one process at a time
  read_only  // read only; needs no lock. On the log of a running daemon it shows the log as it was
             // at the time of opening; close it soon, because files it needs may be deleted.
};

// How far a group of appends has come.
enum class commit_stage {
  before_write,  // nothing of it is on disk
  synced,        // it is durable, and nobody knows
  answered       // its callbacks have been called
};

// Is told the sequence of the group's last event, from the writer's thread.
using commit_watcher = std::function<void(commit_stage stage, std::uint64_t newest_sequence)>;

struct rocksdb_log_options {
  open_mode mode = open_mode::create;

  // Appends that would queue more than this get kind::busy. Events that are being written count,
  // until their callbacks are called.
  std::size_t queued_events_max = 65'536;
  std::size_t queued_bytes_max = std::size_t{256} << 20U;

  // Called once, from the writer's thread, when a write failed and after every waiting append got
  // kind::io. The process must end: whether the failed events are on disk is known only after the
  // next open. It must not destroy the log.
  std::function<void(const error&)> failure;

  // Directory of the sealed segments with the events that are no longer in the database. Empty: as
  // it was when events were last dropped. See archive/archiver.hpp.
  std::string archive = {};

  // For tests that want to be there when it happens; null costs nothing.
  commit_watcher watch;

  // Where the files are; null is the machine's file system. Not owned, outlives the log. For tests.
  rocksdb::Env* env = nullptr;
};

// Promises of event_log, and: what was acknowledged survives a crash of the process or of the
// machine at any moment. Every read is checked; a reader gets kind::corrupt with the first bad
// sequence instead of a wrong event.
//
// A log whose beginning is archived is read like any other: from the sealed segments first, then
// from the database, the chain unbroken across. Reading behind first_kept() - 1 never touches the
// archive. Reading a stream from before that goes through all of the archive, which takes as long
// as reading everything in it. A segment that is missing is kind::io, with its file and events.
class rocksdb_log final : public event_log {
 public:
  using options = rocksdb_log_options;
  class state;

  // Opens the directory `path`, whose parent must exist. Checks the chain of the newest
  // 1,000 events, that the index of the streams knows them, and that none behind them is missing;
  // `verify` checks all of it. Takes as long for a log of any length. kind::io if it cannot be
  // opened (another process has it, it does not exist and the mode is read_only), kind::corrupt if
  // what is there is damaged or was written in another format.
  static result<std::unique_ptr<rocksdb_log>> open(const std::string& path, options how = {});

  // For open().
  explicit rocksdb_log(std::unique_ptr<state> opened);

  // As close().
  ~rocksdb_log() override;

  // Writes what is queued, then stops the writer: later appends get kind::closed. Reading goes on
  // working. Not to be called from a callback. Idempotent.
  void close();

  void append(append_request request, append_callback done) override;
  result<void> read_stream_records(const std::string& stream, std::uint64_t after_version,
                                   const record_visitor& visit) const override;
  result<void> read_records(std::uint64_t after_sequence,
                            const record_visitor& visit) const override;
  result<std::uint64_t> stream_version(const std::string& stream) const override;
  head newest() const override;
  result<void> check_index() const override;

  // States folded from this log, kept in its database. Lives as long as the log.
  state_cache& states();

  std::uint64_t subscribe(listener tell) override;
  void unsubscribe(std::uint64_t token) override;

  // ---- retention, see archive/archiver.hpp; all thread-safe

  // The newest event that is no longer in the database; sequence 0 while all of them are.
  head dropped() const;
  std::uint64_t first_kept() const { return dropped().sequence + 1; }

  // As given, or as remembered; empty: none.
  const std::string& archive_directory() const;

  // Drops the oldest events, which were sealed and verified, in one durable step. For the archiver.
  result<void> drop_archived(const archived_segment& sealed);

  // As given in the options.
  rocksdb::Env* environment() const;

 private:
  std::unique_ptr<state> state_;
};

}  // namespace platen::store
