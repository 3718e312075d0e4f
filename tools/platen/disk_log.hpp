// The event log of a data directory, opened for reading only. No daemon is needed, and none is
// disturbed: beside a running one it shows the log as it was at the time of opening.
#pragma once

#include <filesystem>
#include <memory>

#include "store/rocksdb_log.hpp"
#include "tools/platen/outcome.hpp"

namespace platen::cli {

// `archive`: where its archived events are; empty: where the log remembers them.
result<std::unique_ptr<store::rocksdb_log>> open_disk_log(const std::filesystem::path& data,
                                                          const std::string& archive = {});

// log_broken for damaged bytes, with the first bad sequence; failed for everything else.
failure as_failure(const store::error& error);

}  // namespace platen::cli
