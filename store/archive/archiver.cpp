#include "store/archive/archiver.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "events/hash.hpp"
#include "store/append_and_wait.hpp"
#include "store/archive/archived_history.hpp"
#include "store/files.hpp"
#include "store/segment/segment_reader.hpp"

namespace platen::store {

namespace {

constexpr const char* archive_stream = "system/archive";
constexpr std::uint64_t segment_events_min = 2;
constexpr std::uint64_t retries_a_segment = 100;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

error stopped() {
  return {error::kind::closed, "archiving was stopped"};
}

// Events are for the eyes of the daemon's user, as the log is.
rocksdb::Status make_private_directory(const std::string& path, rocksdb::Env& env) {
  if (env.FileExists(path).ok()) return rocksdb::Status::OK();
  auto made = make_directory(path, env);
  std::error_code ignored;
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, ignored);
  return made;
}

// One segment on its way into the archive.
class passage {
 public:
  passage(rocksdb_log& log, const archive_policy& how, const std::atomic<bool>& stop,
          const head& before, std::uint64_t last)
      : log_(log), how_(how), stop_(stop), before_(before), place_{before.sequence + 1, last, {}} {}

  result<segment_info> go() {
    return find_end()
        .and_then([&] { return seal(); })
        .and_then([&] { return check(); })
        .and_then([&] { return announce(); })
        .and_then([&] { return log_.drop_archived(place_); })
        .map([&] { return sealed_; });
  }

 private:
  std::string path() const {
    return (std::filesystem::path(log_.archive_directory()) / place_.file_name()).string();
  }

  // The hash that the segment has to end with.
  result<void> find_end() {
    return log_.read_all(place_.last - 1, [&](const events::envelope& event) {
      place_.hash = event.hash;
      return false;
    });
  }

  // Unless it was sealed before: then the daemon ended before the events were dropped.
  result<void> seal() {
    auto& env = env_or_default(log_.environment());
    if (const auto made = make_private_directory(log_.archive_directory(), env); !made.ok())
      return tl::unexpected(error{error::kind::io, "cannot make the archive directory " +
                                                       log_.archive_directory() + ": " +
                                                       made.ToString()});
    if (env.FileExists(path()).ok()) {
      const auto found = verify_segment(path(), log_.environment());
      if (found && is_ours(*found)) return {};
      if (found)
        return tl::unexpected(
            error{error::kind::invalid, path() + " has events of another log; give each log an "
                                                 "archive directory of its own"});
    }
    return write();
  }

  result<void> write() {
    segment_info about;
    about.first = place_.first;
    about.hash_before = before_.hash;
    about.made_us = now_us();
    about.made_by = how_.made_by;
    auto writer = segment_writer::create(path(), about, log_.environment());
    if (!writer) return tl::unexpected(writer.error());
    result<void> added;
    const auto read =
        log_.read_records(before_.sequence, [&](const auto& event, std::string_view record) {
          added = stop_ ? tl::unexpected(stopped()) : writer->add(event, record);
          return added && event.sequence < place_.last;
        });
    if (!read) return read;
    if (!added) return added;
    return writer->seal().map([](const auto&) {});
  }

  bool is_ours(const segment_info& found) const {
    return found.first == place_.first && found.last == place_.last && found.complete() &&
           found.hash_before == before_.hash && found.hash == place_.hash;
  }

  // From the disk again: only what can be read is dropped.
  result<void> check() {
    if (stop_) return tl::unexpected(stopped());
    auto found = verify_segment(path(), log_.environment());
    if (!found) return tl::unexpected(found.error());
    if (!is_ours(*found))
      return tl::unexpected(error{error::kind::corrupt,
                                  path() + " does not have the events that were written into it",
                                  place_.first});
    sealed_ = std::move(*found);
    return {};
  }

  // Appends HistoryArchived, unless it is there already.
  result<void> announce() {
    if (stop_) return tl::unexpected(stopped());
    events::history_archived fact;
    fact.first = place_.first;
    fact.last = place_.last;
    fact.file = place_.file_name();
    fact.file_sha256 = events::to_hex(sealed_.file_sha256);
    const auto version = log_.stream_version(archive_stream);
    if (!version) return tl::unexpected(version.error());
    bool announced = false;
    if (*version > 0) {
      const auto read = log_.read_stream(archive_stream, *version - 1, [&](const auto& event) {
        announced = event.what == events::event(fact);
        return false;
      });
      if (!read) return read;
    }
    return announced ? result<void>() : append(fact, *version);
  }

  result<void> append(const events::history_archived& fact, std::uint64_t version) {
    append_request request;
    request.stream = archive_stream;
    request.expected_version = version;
    request.why = {"", "platend", events::origin::system, "archive"};
    request.time_us = now_us();
    request.what = {fact};
    return append_and_wait(log_, std::move(request)).map([](const auto&) {});
  }

  rocksdb_log& log_;
  const archive_policy& how_;
  const std::atomic<bool>& stop_;
  const head before_;
  archived_segment place_;
  segment_info sealed_;
};

std::uint64_t segment_events(const archive_policy& how) {
  return std::max(how.segment_events, segment_events_min);
}

// The sequence at which the oldest segment may go.
std::uint64_t due_at(const rocksdb_log& log, const archive_policy& how) {
  return log.dropped().sequence + segment_events(how) + std::max<std::uint64_t>(how.keep_events, 1);
}

}  // namespace

result<std::optional<segment_info>> archive_oldest(rocksdb_log& log, const archive_policy& how,
                                                   const std::atomic<bool>& stop) {
  if (log.archive_directory().empty())
    return tl::unexpected(error{error::kind::invalid, "the log has no archive directory"});
  if (log.newest().sequence < due_at(log, how)) return std::nullopt;
  const head before = log.dropped();
  return passage(log, how, stop, before, before.sequence + segment_events(how))
      .go()
      .map([](segment_info sealed) { return std::optional(std::move(sealed)); });
}

archiver::archiver(rocksdb_log& log, archive_policy how, listener tell)
    : log_(log), how_(std::move(how)), tell_(std::move(tell)) {
  wanted_ = due_at(log_, how_);
  subscription_ = log_.subscribe([this](std::uint64_t newest) { hear(newest); });
  hear(log_.newest().sequence);
  thread_ = std::thread([this] { run(); });
}

archiver::~archiver() {
  log_.unsubscribe(subscription_);
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  news_.notify_all();
  thread_.join();
}

void archiver::hear(std::uint64_t newest) {
  {
    const std::lock_guard lock(mutex_);
    newest_ = std::max(newest_, newest);
    if (newest_ < wanted_) return;
  }
  news_.notify_all();
}

void archiver::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    news_.wait(lock, [&] { return stop_ || newest_ >= wanted_; });
    if (stop_) return;
    const std::uint64_t tried_at = newest_;
    lock.unlock();
    const bool succeeded = archive_one();
    lock.lock();
    const auto pause = std::max<std::uint64_t>(segment_events(how_) / retries_a_segment, 1);
    wanted_ = succeeded ? due_at(log_, how_) : tried_at + pause;
  }
}

bool archiver::archive_one() {
  const auto outcome = archive_oldest(log_, how_, stop_);
  if (!outcome && stop_) return false;
  if (!outcome)
    tell_(tl::unexpected(outcome.error()));
  else if (*outcome)
    tell_(**outcome);
  return outcome.has_value();
}

}  // namespace platen::store
