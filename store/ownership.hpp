// Whether a directory is ours, looked at before anything in it is changed. Private to store/.
#pragma once

#include <rocksdb/env.h>

#include "store/event_log.hpp"

namespace platen::store {

// The column families of a log, RocksDB's own `default` first; FORMAT.md says what is in them.
inline constexpr const char* family_names[] = {"default",   "events",      "streams",
                                               "snapshots", "projections", "meta"};

// Nothing if `path` is missing, empty, an event log or the beginning of one. kind::corrupt names
// what is there instead. What RocksDB itself cannot read is left to the opening to report.
result<void> check_ownership(const std::string& path, rocksdb::Env& env);

}  // namespace platen::store
