#include "store/recovery.hpp"

#include <algorithm>

#include "store/archive/archived_history.hpp"
#include "store/keys.hpp"
#include "store/record_check.hpp"
#include "store/stream_index.hpp"

namespace platen::store {

namespace {

constexpr std::uint64_t checked_tail = 1000;  // events
constexpr const char* format_key = "format";
constexpr const char* format = "platen-event-log-1";
constexpr const char* newest_key = "newest";

result<void> check_is_indexed(const database& db, const events::envelope& event) {
  std::string sequence;
  const auto status =
      db.db().Get({}, db[family::streams], stream_key(event.stream, event.version), &sequence);
  if (!status.ok() && !status.IsNotFound())
    return tl::unexpected(to_error(status, "reading the index of " + event.stream));
  if (status.ok() && sequence == number_key(event.sequence)) return {};
  return corrupt(event.sequence, "the index of " + event.stream + " does not lead to its version " +
                                     std::to_string(event.version));
}

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
    if (auto indexed = check_is_indexed(db, *record); !indexed)
      return tl::unexpected(indexed.error());
  }
  if (!records->status().ok())
    return tl::unexpected(to_error(records->status(), "reading the newest events"));
  return chain.last();
}

result<void> check_nothing_is_missing(const database& db, std::uint64_t newest) {
  std::string noted;
  const auto status = db.db().Get({}, db[family::meta], newest_key, &noted);
  if (!status.ok() && !status.IsNotFound())
    return tl::unexpected(to_error(status, "reading the number of the newest event"));
  std::uint64_t written = 0;
  if (status.ok()) {
    written = number_from_key(noted).value_or(0);
  } else {
    // Every event is one version of one stream. Dropping archived events keeps the last version of
    // every stream.
    const auto indexed = indexed_events(db);
    if (!indexed) return tl::unexpected(indexed.error());
    written = *indexed;
  }
  if (written == newest) return {};
  return corrupt(std::min(written, newest) + 1, "the newest event is " + std::to_string(newest) +
                                                    ", but " + std::to_string(written) +
                                                    " were written");
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
  if (auto whole = check_nothing_is_missing(db, newest->sequence); !whole)
    return tl::unexpected(whole.error());
  return recovered{*newest, *dropped};
}

void note_newest(rocksdb::WriteBatch& batch, const database& db, std::uint64_t sequence) {
  batch.Put(db[family::meta], newest_key, number_key(sequence));
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
