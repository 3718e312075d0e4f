#include "store/recovery.hpp"

#include <algorithm>

#include "store/archive/archived_history.hpp"
#include "store/keys.hpp"
#include "store/record_check.hpp"

namespace platen::store {

namespace {

constexpr std::uint64_t checked_tail = 1000;  // events
constexpr const char* format_key = "format";
constexpr const char* format = "platen-event-log-1";

// The head after checking the chain of the newest events.
result<head> checked_head(const database& db, std::uint64_t newest, const head& dropped) {
  if (newest == 0 && dropped.sequence == 0) return head{};
  if (newest <= dropped.sequence)
    return corrupt(dropped.sequence + 1, "the record is missing: only archived events are left");
  const auto records = db.iterate(family::events);
  head before = dropped;
  if (newest > checked_tail && newest - checked_tail > dropped.sequence) {
    const std::uint64_t base = newest - checked_tail;
    records->Seek(number_key(base));
    if (!records->Valid() || records->key() != number_key(base))
      return corrupt(base, "the record is missing");
    const auto record = read_record(base, records->value().ToStringView());
    if (!record) return tl::unexpected(record.error());
    before = {base, record->hash};
  }
  chain_check chain(before);
  for (records->Seek(number_key(before.sequence + 1)); records->Valid(); records->Next()) {
    const auto sequence = number_from_key(records->key().ToStringView());
    const auto record = chain.next(sequence.value_or(0), records->value().ToStringView());
    if (!record) return tl::unexpected(record.error());
  }
  if (!records->status().ok())
    return tl::unexpected(to_error(records->status(), "reading the newest events"));
  return chain.last();
}

// Jumps from the last version of one stream to the first of the next.
result<stream_versions> last_versions(const database& db) {
  const std::string after_every_version(9, '\xff');
  stream_versions versions;
  const auto index = db.iterate(family::streams);
  index->SeekToFirst();
  while (index->Valid()) {
    const auto first = stream_position_from_key(index->key().ToStringView());
    if (!first) return corrupt(0, "a key of `streams` is malformed");
    const std::string prefix = stream_prefix(first->stream);
    index->SeekForPrev(prefix + after_every_version);
    if (!index->Valid()) break;
    const auto last = stream_position_from_key(index->key().ToStringView());
    if (!last || last->stream != first->stream)
      return corrupt(0, "a key of `streams` is malformed");
    versions.emplace(last->stream, last->version);
    index->Next();
  }
  if (!index->status().ok())
    return tl::unexpected(to_error(index->status(), "reading the index of the streams"));
  return versions;
}

}  // namespace

result<std::uint64_t> newest_sequence(const database& db, const rocksdb::ReadOptions& how) {
  const auto last = db.iterate(family::events, how);
  last->SeekToLast();
  if (!last->Valid()) {
    if (!last->status().ok()) return tl::unexpected(to_error(last->status(), "newest event"));
    return 0;
  }
  const auto sequence = number_from_key(last->key().ToStringView());
  if (!sequence || *sequence == 0) return corrupt(0, "the newest key of `events` is no sequence");
  return *sequence;
}

result<recovered> recover(const database& db) {
  const auto sequence = newest_sequence(db);
  if (!sequence) return tl::unexpected(sequence.error());
  const auto dropped = dropped_head(db);
  if (!dropped) return tl::unexpected(dropped.error());
  const auto newest = checked_head(db, *sequence, *dropped);
  if (!newest) return tl::unexpected(newest.error());
  auto versions = last_versions(db);
  if (!versions) return tl::unexpected(versions.error());
  // Every event is one version of one stream, so the last versions add up to the newest sequence.
  // Dropping archived events keeps the last version of every stream.
  std::uint64_t indexed = 0;
  for (const auto& [stream, version] : *versions)
    indexed += version;
  if (indexed != newest->sequence)
    return corrupt(std::min(indexed, newest->sequence) + 1,
                   "there are " + std::to_string(newest->sequence) + " events, but " +
                       std::to_string(indexed) + " in the index of the streams");
  return recovered{*newest, *dropped, std::move(*versions)};
}

result<void> ensure_format(const database& db, bool writable) {
  std::string found;
  const auto status = db.db().Get(rocksdb::ReadOptions(), db[family::meta], format_key, &found);
  if (status.ok()) {
    if (found == format) return {};
    return corrupt(0, "the log was written in the format " + found + ", this program knows " +
                          format + "; use the version of Platen that wrote it");
  }
  if (!status.IsNotFound()) return tl::unexpected(to_error(status, "reading the format"));
  const auto sequence = newest_sequence(db);
  if (!sequence) return tl::unexpected(sequence.error());
  if (*sequence > 0) return corrupt(0, "the log's format is not marked");
  if (!writable) return {};
  rocksdb::WriteBatch batch;
  batch.Put(db[family::meta], format_key, format);
  if (const auto written = db.write_synced(batch); !written.ok())
    return tl::unexpected(to_error(written, "marking the format"));
  return {};
}

}  // namespace platen::store
