#include "store/archive/drop.hpp"

#include <unordered_map>

#include "events/codec.hpp"
#include "store/keys.hpp"

namespace platen::store {

namespace {

struct version_range {
  std::uint64_t lowest = 0;
  std::uint64_t highest = 0;
};
using ranges = std::unordered_map<std::string, version_range>;

// The versions that the events `first` to `last` are, by stream.
result<ranges> versions_in(const database& db, const archived_segment& sealed) {
  ranges found;
  const auto records = db.iterate(family::events);
  std::uint64_t expected = sealed.first;
  for (records->Seek(number_key(sealed.first)); records->Valid() && expected <= sealed.last;
       records->Next(), ++expected) {
    const auto event = events::decode_header(records->value().ToStringView());
    if (!event) return corrupt(expected, event.error());
    if (event->sequence != expected) return corrupt(expected, "the record is missing");
    auto& range = found[event->stream];
    if (range.lowest == 0) range.lowest = event->version;
    range.highest = event->version;
  }
  if (!records->status().ok())
    return tl::unexpected(to_error(records->status(), "reading the events to drop"));
  if (expected <= sealed.last) return corrupt(expected, "the record is missing");
  return found;
}

bool has_version(const database& db, const std::string& stream, std::uint64_t version) {
  std::string value;
  return db.db().Get({}, db[family::streams], stream_key(stream, version), &value).ok();
}

// The entry before the lowest one was kept when it was the newest of its stream.
void delete_index(rocksdb::WriteBatch& batch, const database& db, const std::string& stream,
                  const version_range& range) {
  const bool newer_exists = has_version(db, stream, range.highest + 1);
  const std::uint64_t end = newer_exists ? range.highest + 1 : range.highest;
  for (std::uint64_t version = range.lowest - 1; version < end; ++version)
    if (version > 0) batch.Delete(db[family::streams], stream_key(stream, version));
}

// Without it the space comes back whenever RocksDB happens to compact that range. A failure is no
// loss; one that concerns the disk shows in the next write.
void give_back_space(const database& db, const std::string& end) {
  const std::string begin = number_key(0);
  const rocksdb::Slice from(begin);
  const rocksdb::Slice to(end);
  rocksdb::CompactRangeOptions beside_writes;
  beside_writes.exclusive_manual_compaction = false;
  db.db().CompactRange(beside_writes, db[family::events], &from, &to).PermitUncheckedError();
}

}  // namespace

result<void> drop_events(const database& db, const archived_segment& sealed,
                         const std::string& log_path, const std::string& archive_directory) {
  const auto dropped = dropped_head(db);
  if (!dropped) return tl::unexpected(dropped.error());
  if (sealed.first != dropped->sequence + 1 || sealed.last < sealed.first)
    return tl::unexpected(error{error::kind::invalid, "the oldest event that can be dropped is " +
                                                          std::to_string(dropped->sequence + 1) +
                                                          ", not " + std::to_string(sealed.first)});
  const auto versions = versions_in(db, sealed);
  if (!versions) return tl::unexpected(versions.error());

  const std::string end = number_key(sealed.last + 1);
  rocksdb::WriteBatch batch;
  batch.DeleteRange(db[family::events], number_key(sealed.first), end);
  for (const auto& [stream, range] : *versions)
    delete_index(batch, db, stream, range);
  remember(batch, db, sealed);
  remember_archive(batch, db, log_path, archive_directory);
  if (const auto status = db.write_synced(batch); !status.ok())
    return tl::unexpected(to_error(status, "dropping archived events"));
  give_back_space(db, end);
  return {};
}

}  // namespace platen::store
