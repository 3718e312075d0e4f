// The beginning of a log that is no longer in the database but in sealed segments: what `meta`
// remembers of it, and how it is read. Private to store/.
#pragma once

#include <string>
#include <vector>

#include "store/archive/opened_segments.hpp"
#include "store/database.hpp"
#include "store/record_check.hpp"

namespace platen::store {

struct archived_segment {
  std::uint64_t first = 0;  // sequences, both inclusive
  std::uint64_t last = 0;
  events::digest hash{};  // of the event `last`

  // "00000000000000000001-00000000000000100000.plseg"
  std::string file_name() const;
};

// The newest event that was dropped; sequence 0 while there is none.
result<head> dropped_head(const database& db, const rocksdb::ReadOptions& how = {});

// Puts into `batch` that the log begins behind `sealed`, and that its events are there.
void remember(rocksdb::WriteBatch& batch, const database& db, const archived_segment& sealed);

// Where the segments are: as it was remembered for the log at `log_path`, empty if it never was. A
// directory beside the log is remembered relative to it, so that both can be moved together.
result<std::string> remembered_archive(const database& db, const std::string& log_path);
void remember_archive(rocksdb::WriteBatch& batch, const database& db, const std::string& log_path,
                      const std::string& directory);

// Reads archived events from the files in a directory.
class archived_history {
 public:
  // As `meta` says under the snapshot of `how`. `files` outlives it.
  static result<archived_history> load(const database& db, const rocksdb::ReadOptions& how,
                                       opened_segments& files);

  const head& dropped() const { return dropped_; }

  // Visits the events behind `after` up to dropped(), as one unbroken chain. False if `visit`
  // stopped it. A file that cannot be read is kind::io and named together with its events; one that
  // is damaged, or not the one that was sealed, is kind::corrupt.
  result<bool> read(std::uint64_t after, const event_log::record_visitor& visit) const;

 private:
  archived_history(std::vector<archived_segment> segments, head dropped, opened_segments& files)
      : segments_(std::move(segments)), dropped_(dropped), files_(files) {}

  std::vector<archived_segment> segments_;  // in order, without gaps, up to dropped_
  head dropped_;
  opened_segments& files_;
};

}  // namespace platen::store
