// From log segments back to a log.
#pragma once

#include "store/event_log.hpp"

namespace platen::store {

// Makes the directory `log_path`, which must not exist but whose parent must, and writes the events
// of the segments into it, byte for byte. Then the new log is opened and verified as a whole.
// Returns its head. kind::invalid if the segments do not make a whole log: the first event, gaps or
// withheld events; other errors as those of segment_log and rocksdb_log. After an error the
// directory may be there, incomplete: make it where nobody takes it for a log, then move it.
result<head> restore_log(const std::vector<std::string>& segments, const std::string& log_path);

}  // namespace platen::store
