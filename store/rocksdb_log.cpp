#include "store/rocksdb_log.hpp"

#include <algorithm>

#include "events/codec.hpp"
#include "store/archive/archived_history.hpp"
#include "store/archive/drop.hpp"
#include "store/decode_ahead.hpp"
#include "store/group_writer.hpp"
#include "store/index_check.hpp"
#include "store/keys.hpp"
#include "store/record_check.hpp"
#include "store/rocksdb_state_cache.hpp"
#include "store/stream_index.hpp"

namespace platen::store {

namespace {

// Of one batch of a long read; a single record may be longer.
constexpr std::size_t max_batch_bytes = 1 << 20;

}  // namespace

class rocksdb_log::state {
 public:
  state(std::unique_ptr<database> opened, const recovered& from, std::string at,
        std::string archived_in, const rocksdb_log_options& how)
      : path(std::move(at)),
        archive(std::move(archived_in), how.env),
        env(how.env),
        db(std::move(opened)),
        states(*db),
        dropped(from.dropped),
        writer(*db, listeners, from, how) {}

  // The record under a sequence that an index or a caller named.
  result<std::string> record(std::uint64_t sequence, const snapshot& view) const {
    std::string bytes;
    const auto status =
        db->db().Get(view.how(), (*db)[family::events], number_key(sequence), &bytes);
    if (status.IsNotFound()) return corrupt(sequence, "the record is missing");
    if (!status.ok()) return unreadable(sequence, status);
    return bytes;
  }

  result<bool> read_archived(std::uint64_t after, const snapshot& view,
                             const record_visitor& visit) const {
    return archived_history::load(*db, view.how(), archive)
        .and_then([&](const archived_history& history) { return history.read(after, visit); });
  }

  result<bool> read_archived_stream(stream_check& check, const std::string& stream,
                                    std::uint64_t after_version, const snapshot& view,
                                    const record_visitor& visit) const;
  result<void> read_live(chain_check chain, std::uint64_t last, const snapshot& view,
                         const record_visitor& visit) const;

  static tl::unexpected<error> unreadable(std::uint64_t sequence, const rocksdb::Status& status) {
    auto why = to_error(status, "event " + std::to_string(sequence));
    why.sequence = sequence;
    return tl::unexpected(std::move(why));
  }

  const std::string path;
  mutable opened_segments archive;
  rocksdb::Env* const env;
  std::unique_ptr<database> db;
  rocksdb_state_cache states;
  mutable std::mutex dropped_mutex;
  head dropped;  // a reader takes it from its snapshot instead
  subscribers listeners;
  group_writer writer;
};

// The versions of a stream that are no longer in the database, after `after_version`.
result<bool> rocksdb_log::state::read_archived_stream(stream_check& check,
                                                      const std::string& stream,
                                                      std::uint64_t after_version,
                                                      const snapshot& view,
                                                      const record_visitor& visit) const {
  result<void> in_order;
  const auto read = read_archived(0, view, [&](const auto& event, std::string_view bytes) {
    if (event.stream != stream || event.version <= after_version) return true;
    const auto next = check.next(event.sequence, bytes);
    if (!next) in_order = tl::unexpected(next.error());
    return next && visit(event, bytes);
  });
  if (!in_order) return tl::unexpected(in_order.error());
  return read;
}

// The records behind chain.last() up to `last`.
result<void> rocksdb_log::state::read_live(chain_check chain, std::uint64_t last,
                                           const snapshot& view,
                                           const record_visitor& visit) const {
  // A first batch of few records, for the many reads that want only these.
  constexpr std::size_t first_batch = 32;
  constexpr std::size_t batch_records = 512;
  const auto records = db->scan(family::events, view.how());
  records->Seek(number_key(chain.last().sequence + 1));
  std::uint64_t to_read = chain.last().sequence + 1;
  decode_ahead ahead;
  result<void> read;
  const auto fetch = [&](std::size_t count) {
    record_batch batch(count);
    for (; read && to_read <= last && batch.size() < count && batch.bytes() < max_batch_bytes;
         records->Next(), ++to_read) {
      if (!records->Valid()) {
        if (records->status().ok())
          read = corrupt(to_read, "the record is missing");
        else
          read = unreadable(to_read, records->status());
        break;
      }
      const auto sequence = number_from_key(records->key().ToStringView());
      batch.add(sequence.value_or(0), records->value().ToStringView());
    }
    if (batch.size() != 0) ahead.add(std::move(batch));
  };
  for (fetch(first_batch); !ahead.empty();) {
    const auto batch = ahead.take();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto& event = batch.event(i);
      const auto in_order = chain.next(batch.sequence(i), event);
      if (!in_order) return in_order;
      if (!visit(*event, batch.record(i))) return {};
    }
    while (ahead.has_room() && read && to_read <= last)
      fetch(batch_records);
  }
  return read;
}

namespace {

// As given, which is then remembered where events are archived, or as remembered.
result<std::string> archive_of(const database& db, const std::string& path,
                               const rocksdb_log_options& how) {
  auto remembered = remembered_archive(db, path);
  if (!remembered || how.archive.empty() || how.archive == *remembered) return remembered;
  if (how.mode == open_mode::read_only || remembered->empty()) return how.archive;
  rocksdb::WriteBatch batch;
  remember_archive(batch, db, path, how.archive);
  if (const auto status = db.write_synced(batch); !status.ok())
    return tl::unexpected(to_error(status, "remembering the archive directory"));
  return how.archive;
}

bool has_tables(const std::string& path, rocksdb::Env& env) {
  std::vector<std::string> names;
  env.GetChildren(path, &names).PermitUncheckedError();
  return std::any_of(names.begin(), names.end(),
                     [](const std::string& name) { return name.ends_with(".sst"); });
}

// A MANIFEST that was cut off reads like a shorter one: RocksDB would take a log for a new, empty
// one and delete the tables it does not know. Looked at before anything is changed.
result<void> check_tables_are_known(const std::string& path, const rocksdb_log_options& how) {
  auto* const env = how.env != nullptr ? how.env : rocksdb::Env::Default();
  if (how.mode != open_mode::create || !has_tables(path, *env)) return {};
  auto to_look = how;
  to_look.mode = open_mode::read_only;
  const auto db = database::open(path, to_look);
  if (!db) return tl::unexpected(db.error());
  std::string format;
  const auto found =
      (*db)->db().Get(rocksdb::ReadOptions(), (**db)[family::meta], "format", &format);
  if (!found.IsNotFound()) return {};
  return tl::unexpected(error{
      error::kind::corrupt,
      "the directory " + path +
          " has tables of events that its MANIFEST does not know: a part of it is missing or cut "
          "off. Copy it again, or restore a backup"});
}

}  // namespace

rocksdb_log::rocksdb_log(std::unique_ptr<state> opened) : state_(std::move(opened)) {}

rocksdb_log::~rocksdb_log() = default;

result<std::unique_ptr<rocksdb_log>> rocksdb_log::open(const std::string& path, options how) {
  if (auto known = check_tables_are_known(path, how); !known) return tl::unexpected(known.error());
  auto db = database::open(path, how);
  if (!db) return tl::unexpected(db.error());
  if (auto known = ensure_format(**db, how.mode == open_mode::create); !known)
    return tl::unexpected(known.error());
  auto from = recover(**db);
  if (!from) return tl::unexpected(from.error());
  auto archive = archive_of(**db, path, how);
  if (!archive) return tl::unexpected(archive.error());
  return std::make_unique<rocksdb_log>(
      std::make_unique<state>(std::move(*db), *from, path, std::move(*archive), how));
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
  const snapshot view(*state_->db);
  const auto dropped = dropped_head(*state_->db, view.how());
  if (!dropped) return tl::unexpected(dropped.error());
  head before = *dropped;
  if (after_sequence < dropped->sequence) {
    const auto go_on = state_->read_archived(after_sequence, view, visit);
    if (!go_on) return tl::unexpected(go_on.error());
    if (!*go_on) return {};
  } else if (after_sequence > dropped->sequence) {
    const auto bytes = state_->record(after_sequence, view);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto predecessor = read_record(after_sequence, *bytes);
    if (!predecessor) return tl::unexpected(predecessor.error());
    before = {after_sequence, predecessor->hash};
  }
  return state_->read_live(chain_check(before), last, view, visit);
}

result<void> rocksdb_log::read_stream_records(const std::string& stream,
                                              std::uint64_t after_version,
                                              const record_visitor& visit) const {
  const std::uint64_t last = newest().sequence;
  const snapshot view(*state_->db);
  const auto dropped = dropped_head(*state_->db, view.how());
  if (!dropped) return tl::unexpected(dropped.error());
  const std::string prefix = stream_prefix(stream);
  stream_check check(stream, after_version);
  const auto index = state_->db->iterate(family::streams, view.how());
  if (after_version + 1 == 0) return {};
  bool archive_is_read = dropped->sequence == 0;
  for (index->Seek(stream_key(stream, after_version + 1));
       index->Valid() && index->key().starts_with(prefix); index->Next()) {
    const auto position = stream_position_from_key(index->key().ToStringView());
    const auto sequence = number_from_key(index->value().ToStringView());
    if (!position || !sequence) return corrupt(0, "the index of " + stream + " is malformed");
    if (*sequence > last) return {};
    const bool is_archived = *sequence <= dropped->sequence;
    if (!archive_is_read && (is_archived || position->version > after_version + 1)) {
      const auto go_on = state_->read_archived_stream(check, stream, after_version, view, visit);
      if (!go_on) return tl::unexpected(go_on.error());
      if (!*go_on) return {};
    }
    archive_is_read = true;
    if (is_archived) continue;
    const auto bytes = state_->record(*sequence, view);
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
  return newest_version(*state_->db, stream);
}

result<void> rocksdb_log::check_index() const {
  const snapshot view(*state_->db);
  const auto dropped = dropped_head(*state_->db, view.how());
  if (!dropped) return tl::unexpected(dropped.error());
  const auto last = newest_sequence(*state_->db, view.how());
  if (!last) return tl::unexpected(last.error());
  const auto bytes_of = [&](std::uint64_t sequence) { return state_->record(sequence, view); };
  return store::check_index(*state_->db->iterate(family::streams, view.how()), *last,
                            dropped->sequence, bytes_of);
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

head rocksdb_log::dropped() const {
  const std::lock_guard lock(state_->dropped_mutex);
  return state_->dropped;
}

const std::string& rocksdb_log::archive_directory() const {
  return state_->archive.directory();
}

result<void> rocksdb_log::drop_archived(const archived_segment& sealed) {
  const auto done = drop_events(*state_->db, sealed, state_->path, state_->archive.directory());
  if (!done) return done;
  const std::lock_guard lock(state_->dropped_mutex);
  state_->dropped = {sealed.last, sealed.hash};
  return {};
}

rocksdb::Env* rocksdb_log::environment() const {
  return state_->env;
}

}  // namespace platen::store
