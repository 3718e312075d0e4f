// One RocksDB database with the column families of the log, opened the way the log needs it.
// Private to store/.
#pragma once

#include <rocksdb/db.h>

#include <memory>

#include "store/rocksdb_log.hpp"

namespace platen::store {

enum class family { fallback, events, streams, snapshots, projections, meta };

// What RocksDB reports, as an error of the log.
error to_error(const rocksdb::Status& status, const std::string& doing);

class database {
 public:
  static result<std::unique_ptr<database>> open(const std::string& path,
                                                const rocksdb_log_options& how);

  // For open(): takes over what it opened.
  database(std::unique_ptr<rocksdb::DB> db, std::vector<rocksdb::ColumnFamilyHandle*> families,
           bool writable);

  database(const database&) = delete;
  database& operator=(const database&) = delete;

  // Flushes the memtables, so that the next open has no log to replay, and closes.
  ~database();

  rocksdb::DB& db() const { return *db_; }
  rocksdb::ColumnFamilyHandle* operator[](family which) const {
    return families_.at(static_cast<std::size_t>(which));
  }
  std::unique_ptr<rocksdb::Iterator> iterate(family which,
                                             const rocksdb::ReadOptions& how = {}) const;
  // For reading much of it in order: reads ahead, and leaves the cache to others.
  std::unique_ptr<rocksdb::Iterator> scan(family which, rocksdb::ReadOptions how = {}) const;

  // Durably applies the batch, all of it or nothing.
  rocksdb::Status write_synced(rocksdb::WriteBatch& batch) const;

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  bool writable_;
};

// The database as it is now, for reads that belong together. The database outlives it.
class snapshot {
 public:
  explicit snapshot(const database& db) : db_(db.db()) { how_.snapshot = db_.GetSnapshot(); }
  ~snapshot() { db_.ReleaseSnapshot(how_.snapshot); }
  snapshot(const snapshot&) = delete;
  snapshot& operator=(const snapshot&) = delete;

  const rocksdb::ReadOptions& how() const { return how_; }

 private:
  rocksdb::DB& db_;
  rocksdb::ReadOptions how_;
};

}  // namespace platen::store
