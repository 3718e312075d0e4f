// The index of the streams: which events belong to a stream. Private to store/.
#pragma once

#include "store/database.hpp"

namespace platen::store {

// The newest version of a stream; 0: it has no events. A search in the database, a few
// microseconds.
result<std::uint64_t> newest_version(const database& db, const std::string& stream);

// The last versions of all streams, added up: as many as there ever were events. Reads the index of
// all streams, about 7 us a stream.
result<std::uint64_t> indexed_events(const database& db);

}  // namespace platen::store
