// What the machine itself can do, measured in the same run as what is compared with it.
#pragma once

#include <filesystem>

#include "tools/benchmarks/figures.hpp"

namespace platen::benchmarks {

struct disk_floor {
  double sync_p50_us = 0;
  double sync_p99_us = 0;
};

// 4 KiB written and fdatasync'ed, one after the other.
disk_floor measure_disk(const std::filesystem::path& directory, figures& into);

// Events a second that RocksDB takes in synced batches of 64 records of `record_bytes`, one key
// each, without any index: the most that can be expected of a log on top of it.
double measure_rocksdb(const std::filesystem::path& directory, std::size_t record_bytes,
                       figures& into);

}  // namespace platen::benchmarks
