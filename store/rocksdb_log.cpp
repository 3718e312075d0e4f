#include "store/rocksdb_log.hpp"

#include <limits>

#include "events/codec.hpp"
#include "store/group_writer.hpp"
#include "store/keys.hpp"
#include "store/record_check.hpp"
#include "store/rocksdb_state_cache.hpp"

namespace platen::store {

class rocksdb_log::state {
 public:
  state(std::unique_ptr<database> opened, recovered from, const rocksdb_log_options& how)
      : db(std::move(opened)), states(*db), writer(*db, listeners, std::move(from), how) {}

  // The record under a sequence that an index or a caller named.
  result<std::string> record(std::uint64_t sequence) const {
    std::string bytes;
    const auto status =
        db->db().Get(rocksdb::ReadOptions(), (*db)[family::events], number_key(sequence), &bytes);
    if (status.IsNotFound()) return corrupt(sequence, "the record is missing");
    if (!status.ok()) return unreadable(sequence, status);
    return bytes;
  }

  static tl::unexpected<error> unreadable(std::uint64_t sequence, const rocksdb::Status& status) {
    auto why = to_error(status, "event " + std::to_string(sequence));
    why.sequence = sequence;
    return tl::unexpected(std::move(why));
  }

  std::unique_ptr<database> db;
  rocksdb_state_cache states;
  subscribers listeners;
  group_writer writer;
};

rocksdb_log::rocksdb_log(std::unique_ptr<state> opened) : state_(std::move(opened)) {}

rocksdb_log::~rocksdb_log() = default;

result<std::unique_ptr<rocksdb_log>> rocksdb_log::open(const std::string& path, options how) {
  auto db = database::open(path, how);
  if (!db) return tl::unexpected(db.error());
  if (auto known = ensure_format(**db, how.mode == open_mode::create); !known)
    return tl::unexpected(known.error());
  auto from = recover(**db);
  if (!from) return tl::unexpected(from.error());
  return std::make_unique<rocksdb_log>(
      std::make_unique<state>(std::move(*db), std::move(*from), how));
}

void rocksdb_log::close() {
  state_->writer.close();
}

void rocksdb_log::append(append_request request, append_callback done) {
  state_->writer.append(std::move(request), std::move(done));
}

result<void> rocksdb_log::read_records(std::uint64_t after_sequence,
                                       const record_visitor& visit) const {
  const std::uint64_t last = newest().sequence;
  if (after_sequence >= last) return {};
  head before;
  if (after_sequence > 0) {
    const auto bytes = state_->record(after_sequence);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto predecessor = read_record(after_sequence, *bytes);
    if (!predecessor) return tl::unexpected(predecessor.error());
    before = {after_sequence, predecessor->hash};
  }
  chain_check chain(before);
  const auto records = state_->db->scan(family::events);
  for (records->Seek(number_key(after_sequence + 1)); chain.last().sequence < last;
       records->Next()) {
    const std::uint64_t expected = chain.last().sequence + 1;
    if (!records->Valid()) {
      if (!records->status().ok()) return state::unreadable(expected, records->status());
      return corrupt(expected, "the record is missing");
    }
    const auto sequence = number_from_key(records->key().ToStringView());
    const auto bytes = records->value().ToStringView();
    const auto event = chain.next(sequence.value_or(0), bytes);
    if (!event) return tl::unexpected(event.error());
    if (!visit(*event, bytes)) return {};
  }
  return {};
}

result<void> rocksdb_log::read_stream_records(const std::string& stream,
                                              std::uint64_t after_version,
                                              const record_visitor& visit) const {
  const std::uint64_t last = newest().sequence;
  const std::string prefix = stream_prefix(stream);
  stream_check check(stream, after_version);
  const auto index = state_->db->iterate(family::streams);
  if (after_version + 1 == 0) return {};
  for (index->Seek(stream_key(stream, after_version + 1));
       index->Valid() && index->key().starts_with(prefix); index->Next()) {
    const auto sequence = number_from_key(index->value().ToStringView());
    if (!sequence) return corrupt(0, "the index of " + stream + " is malformed");
    if (*sequence > last) return {};
    const auto bytes = state_->record(*sequence);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto event = check.next(*sequence, *bytes);
    if (!event) return tl::unexpected(event.error());
    if (!visit(*event, *bytes)) return {};
  }
  if (!index->status().ok())
    return tl::unexpected(to_error(index->status(), "reading the index of " + stream));
  return {};
}

result<std::uint64_t> rocksdb_log::stream_version(const std::string& stream) const {
  const auto index = state_->db->iterate(family::streams);
  index->SeekForPrev(stream_key(stream, std::numeric_limits<std::uint64_t>::max()));
  if (!index->status().ok())
    return tl::unexpected(to_error(index->status(), "reading the index of " + stream));
  if (!index->Valid() || !index->key().starts_with(stream_prefix(stream))) return 0;
  const auto position = stream_position_from_key(index->key().ToStringView());
  if (!position) return corrupt(0, "the index of " + stream + " is malformed");
  return position->version;
}

result<void> rocksdb_log::check_index() const {
  const std::uint64_t last = newest().sequence;
  std::uint64_t entries = 0;
  stream_position before;
  const auto index = state_->db->iterate(family::streams);
  for (index->SeekToFirst(); index->Valid(); index->Next()) {
    const auto position = stream_position_from_key(index->key().ToStringView());
    const auto sequence = number_from_key(index->value().ToStringView());
    if (!position || !sequence) return corrupt(0, "an entry in the index of streams is malformed");
    if (*sequence > last) continue;
    const std::uint64_t expected = position->stream == before.stream ? before.version + 1 : 1;
    if (position->version != expected)
      return corrupt(*sequence, position->stream + " version " + std::to_string(expected) +
                                    " is missing in the index of streams");
    const auto bytes = state_->record(*sequence);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto record = events::decode_header(*bytes);
    if (!record) return corrupt(*sequence, record.error());
    if (record->stream != position->stream || record->version != position->version)
      return corrupt(*sequence, "it is version " + std::to_string(record->version) + " of " +
                                    record->stream + ", the index of streams says version " +
                                    std::to_string(position->version) + " of " + position->stream);
    before = *position;
    ++entries;
  }
  if (!index->status().ok())
    return tl::unexpected(to_error(index->status(), "reading the index of streams"));
  if (entries != last)
    return corrupt(0, "there are " + std::to_string(last) + " events, but " +
                          std::to_string(entries) + " in the index of streams");
  return {};
}

head rocksdb_log::newest() const {
  return state_->writer.newest();
}

state_cache& rocksdb_log::states() {
  return state_->states;
}

std::uint64_t rocksdb_log::subscribe(listener tell) {
  return state_->listeners.add(std::move(tell));
}

void rocksdb_log::unsubscribe(std::uint64_t token) {
  state_->listeners.remove(token);
}

}  // namespace platen::store
