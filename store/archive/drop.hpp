// Dropping events that are archived from the live database. Private to store/.
#pragma once

#include "store/archive/archived_history.hpp"

namespace platen::store {

// In one synced batch: deletes the events of `sealed`, which must be the oldest live ones, deletes
// their entries in the index of the streams except the newest of each stream (so that versions and
// their sum stay known), and remembers where the events are. Then gives the space back, as far as
// that is possible. Appends may go on meanwhile. Memory: about 200 bytes an event.
result<void> drop_events(const database& db, const archived_segment& sealed,
                         const std::string& log_path, const std::string& archive_directory);

}  // namespace platen::store
