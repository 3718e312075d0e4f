// What the machine itself can do, measured in the same run as what is compared with it.
#pragma once

#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <string>

#include "tools/benchmarks/figures.hpp"

namespace platen::benchmarks {

struct disk_floor {
  double sync_p50_us = 0;
  double sync_p99_us = 0;
};

// 4 KiB written and fdatasync'ed, one after the other.
disk_floor measure_disk(const std::filesystem::path& directory, figures& into);

// RocksDB by itself, without any index: the most that can be expected of a log on top of it.
class raw_rocksdb {
 public:
  raw_rocksdb(const std::filesystem::path& directory, std::size_t record_bytes);
  ~raw_rocksdb();

  // Events a second in so many synced batches of 64 records, one key each.
  double write(int batches);

 private:
  std::unique_ptr<rocksdb::DB> db_;
  const std::string record_;
  std::uint64_t next_ = 0;
};

}  // namespace platen::benchmarks
