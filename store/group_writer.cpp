#include "store/group_writer.hpp"

#include "store/keys.hpp"
#include "store/stream_index.hpp"

namespace platen::store {

namespace {

void put(rocksdb::WriteBatch& batch, const database& db, const std::string& stream,
         const sequenced& assigned) {
  std::uint64_t sequence = assigned.place.first_sequence;
  std::uint64_t version = assigned.place.version - assigned.records.size() + 1;
  for (const auto& record : assigned.records) {
    const std::string key = number_key(sequence++);
    batch.Put(db[family::events], key, record);
    batch.Put(db[family::streams], stream_key(stream, version++), key);
  }
}

}  // namespace

group_writer::group_writer(const database& db, subscribers& listeners, const recovered& from,
                           const rocksdb_log_options& how)
    : db_(db),
      listeners_(listeners),
      sequencer_(from.newest,
                 [&db](const std::string& stream) { return newest_version(db, stream); }),
      queue_(how.queued_events_max, how.queued_bytes_max),
      failure_(how.failure),
      watch_(how.watch),
      newest_(from.newest) {
  if (how.mode == open_mode::read_only)
    queue_.close();
  else
    thread_ = std::thread([this] { run(); });
}

group_writer::~group_writer() {
  close();
}

void group_writer::close() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void group_writer::append(append_request request, event_log::append_callback done) {
  auto prepared = prepare(request);
  if (!prepared) return done(tl::unexpected(prepared.error()));
  queued_append item{std::move(*prepared), std::move(done)};
  if (const auto refused = queue_.push(item)) item.done(tl::unexpected(*refused));
}

head group_writer::newest() const {
  const std::lock_guard lock(newest_mutex_);
  return newest_;
}

void group_writer::run() {
  for (auto members = queue_.take(); !members.empty(); members = queue_.take())
    commit(members);
}

void group_writer::commit(group& members) {
  rocksdb::WriteBatch batch;
  std::vector<result<appended>> outcomes;
  outcomes.reserve(members.size());
  for (const auto& member : members) {
    const auto assigned = sequencer_.assign(member.request);
    if (assigned) put(batch, db_, member.request.stream, *assigned);
    outcomes.push_back(assigned.map([](const sequenced& value) { return value.place; }));
  }
  const bool writes = batch.Count() > 0;
  if (writes) {
    note_newest(batch, db_, sequencer_.newest().sequence);
    reached(commit_stage::before_write);
    if (const auto status = db_.write_synced(batch); !status.ok()) {
      error why = to_error(status, "writing to the event log");
      why.what = error::kind::io;
      return fail(members, why);
    }
    reached(commit_stage::synced);
    const std::lock_guard lock(newest_mutex_);
    newest_ = sequencer_.newest();
  }
  // Before the callbacks, so that whoever appends from one finds the room.
  queue_.release_taken();
  for (std::size_t i = 0; i < members.size(); ++i)
    members[i].done(outcomes[i]);
  if (!writes) return;
  reached(commit_stage::answered);
  listeners_.tell(sequencer_.newest().sequence);
}

void group_writer::reached(commit_stage stage) const {
  if (watch_) watch_(stage, sequencer_.newest().sequence);
}

void group_writer::fail(group& members, const error& why) {
  auto waiting = queue_.fail(why);
  for (auto* const refused : {&members, &waiting})
    for (const auto& member : *refused)
      member.done(tl::unexpected(why));
  if (failure_) failure_(why);
}

}  // namespace platen::store
