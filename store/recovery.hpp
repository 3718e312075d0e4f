// What the writer must know when a log is opened, and the checks made on the way. Private to
// store/.
#pragma once

#include "store/database.hpp"
#include "store/sequencer.hpp"

namespace platen::store {

struct recovered {
  head newest;
  head dropped;  // the newest event that is only in the archive
  stream_versions versions;
};

// kind::corrupt if the format is not ours, if the newest events do not form a chain, or if the
// index of the streams does not account for exactly the events there are.
result<recovered> recover(const database& db);

// The newest live event; 0: there is none.
result<std::uint64_t> newest_sequence(const database& db, const rocksdb::ReadOptions& how = {});

// Marks a new, empty database as an event log in this format; checks the mark of any other.
result<void> ensure_format(const database& db, bool writable);

}  // namespace platen::store
