#include "tools/benchmarks/floors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <stdexcept>

#include "tools/benchmarks/stopwatch.hpp"

namespace platen::benchmarks {

disk_floor measure_disk(const std::filesystem::path& directory, figures& into) {
  constexpr int writes = 3000;
  const auto path = directory / "fdatasync";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) throw std::runtime_error("cannot write in " + directory.string());
  const std::string block(4096, 'x');
  latencies each;
  const stopwatch all;
  for (int i = 0; i < writes; ++i) {
    const stopwatch one;
    if (write(file, block.data(), block.size()) < 0 || fdatasync(file) != 0)
      throw std::runtime_error("cannot write to " + path.string());
    each.add(one.seconds());
  }
  into.add("fdatasync of 4 KiB", writes / all.seconds(), "/s");
  close(file);
  const disk_floor floor{each.quantile_us(0.5), each.quantile_us(0.99)};
  into.add("fdatasync of 4 KiB, p50", floor.sync_p50_us, "us");
  into.add("fdatasync of 4 KiB, p99", floor.sync_p99_us, "us");
  return floor;
}

raw_rocksdb::raw_rocksdb(const std::filesystem::path& directory, std::size_t record_bytes)
    : record_(record_bytes, 'r') {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.compression = rocksdb::kNoCompression;
  options.info_log_level = rocksdb::WARN_LEVEL;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(options, (directory / "raw").string(), &opened);
  if (!status.ok()) throw std::runtime_error(status.ToString());
  db_.reset(opened);
}

raw_rocksdb::~raw_rocksdb() = default;

double raw_rocksdb::write(int batches) {
  constexpr int batch_events = 64;
  rocksdb::WriteOptions durable;
  durable.sync = true;
  const stopwatch all;
  for (int i = 0; i < batches; ++i) {
    rocksdb::WriteBatch batch;
    for (int j = 0; j < batch_events; ++j) {
      auto key = std::to_string(next_++);
      key.insert(0, 20 - key.size(), '0');
      batch.Put(key, record_);
    }
    if (!db_->Write(durable, &batch).ok()) throw std::runtime_error("RocksDB refused a write");
  }
  return batches * batch_events / all.seconds();
}

}  // namespace platen::benchmarks
