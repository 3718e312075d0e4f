#include "store/rocksdb_state_cache.hpp"

#include <sstream>

#include "events/hash.hpp"

namespace platen::store {

namespace {

// No stream is named like it: its first byte is not printable.
const std::string mark_key(1, '\0');

std::string encode(const state_mark& mark) {
  return std::to_string(mark.at.sequence) + ' ' + events::to_hex(mark.at.hash) + ' ' +
         std::to_string(mark.entities) + ' ' + mark.format + ' ' + mark.digest;
}

std::optional<state_mark> decode(const std::string& bytes) {
  std::istringstream text(bytes);
  state_mark mark;
  std::string hash;
  text >> mark.at.sequence >> hash >> mark.entities >> mark.format;
  if (!text) return std::nullopt;
  text >> mark.digest;
  const auto digest = events::digest_from_hex(hash);
  if (!digest) return std::nullopt;
  mark.at.hash = *digest;
  return mark;
}

result<void> done(const rocksdb::Status& status, const char* doing) {
  if (!status.ok()) return tl::unexpected(to_error(status, doing));
  return {};
}

}  // namespace

result<std::optional<state_mark>> rocksdb_state_cache::mark() const {
  const auto stored = find(mark_key);
  if (!stored) return tl::unexpected(stored.error());
  if (!*stored) return std::nullopt;
  auto mark = decode(**stored);
  if (!mark)
    return tl::unexpected(error{error::kind::corrupt, "the state cache has no valid mark"});
  return mark;
}

result<std::optional<std::string>> rocksdb_state_cache::find(const std::string& stream) const {
  std::string bytes;
  const auto status = db_.db().Get(rocksdb::ReadOptions(), db_[family::snapshots], stream, &bytes);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return tl::unexpected(to_error(status, "reading the state of " + stream));
  return bytes;
}

result<void> rocksdb_state_cache::visit_all(const visitor& visit) const {
  const auto states = db_.scan(family::snapshots);
  for (states->SeekToFirst(); states->Valid(); states->Next()) {
    if (states->key() == mark_key) continue;
    if (!visit(states->key().ToString(), states->value().ToStringView())) return {};
  }
  return done(states->status(), "reading the state cache");
}

result<void> rocksdb_state_cache::write(const state_mark& mark,
                                        const std::vector<change>& changes) {
  rocksdb::WriteBatch batch;
  for (const auto& one : changes) {
    if (one.state)
      batch.Put(db_[family::snapshots], one.stream, *one.state);
    else
      batch.Delete(db_[family::snapshots], one.stream);
  }
  batch.Put(db_[family::snapshots], mark_key, encode(mark));
  return done(db_.db().Write(rocksdb::WriteOptions(), &batch), "writing the state cache");
}

result<void> rocksdb_state_cache::clear() {
  rocksdb::WriteBatch batch;
  batch.DeleteRange(db_[family::snapshots], std::string(), std::string(1, '\xff'));
  return done(db_.db().Write(rocksdb::WriteOptions(), &batch), "clearing the state cache");
}

}  // namespace platen::store
