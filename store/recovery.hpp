// What the writer must know when a log is opened, and the checks made on the way. Private to
// store/.
#pragma once

#include "store/database.hpp"

namespace platen::store {

struct recovered {
  head newest;
  head dropped;  // the newest event that is only in the archive
};

// kind::corrupt if the newest events do not form a chain, if the index of the streams does not know
// them, or if there are fewer than were written. Takes as long for a log of any length, unless it
// was last written by a version that did not note its newest event.
result<recovered> recover(const database& db);

// The newest live event; 0: there is none.
result<std::uint64_t> newest_sequence(const database& db, const rocksdb::ReadOptions& how = {});

// To be part of each batch that adds events.
void note_newest(rocksdb::WriteBatch& batch, const database& db, std::uint64_t sequence);

// Marks a new, empty database as an event log in this format; checks the mark of any other.
result<void> ensure_format(const database& db, bool writable);

}  // namespace platen::store
