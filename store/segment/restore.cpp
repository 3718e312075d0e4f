#include "store/segment/restore.hpp"

#include <filesystem>

#include "store/database.hpp"
#include "store/keys.hpp"
#include "store/recovery.hpp"
#include "store/segment/segment_log.hpp"
#include "store/verify.hpp"

namespace platen::store {

namespace {

constexpr std::size_t batch_bytes = std::size_t{4} << 20U;

tl::unexpected<error> refuse(std::string why) {
  return tl::unexpected(error{error::kind::invalid, std::move(why)});
}

result<void> check_whole(const segment_log& from) {
  if (from.first() != 1)
    return refuse("the segments begin with event " + std::to_string(from.first()) +
                  "; a log can only be restored from its first event on, so name the segments "
                  "before it, too");
  if (!from.is_whole())
    return refuse(
        "events in the segments are withheld (a filtered or redacted export); open them with "
        "--segment, or restore from a complete export");
  if (from.newest().sequence == 0) return refuse("there is no event in the segments");
  return {};
}

result<void> copy(const segment_log& from, const database& into) {
  rocksdb::WriteBatch batch;
  rocksdb::Status status;
  const auto read =
      from.read_records(0, [&](const events::envelope& event, std::string_view record) {
        const std::string key = number_key(event.sequence);
        batch.Put(into[family::events], key, rocksdb::Slice(record.data(), record.size()));
        batch.Put(into[family::streams], stream_key(event.stream, event.version), key);
        if (batch.GetDataSize() < batch_bytes) return true;
        status = into.db().Write({}, &batch);
        batch.Clear();
        return status.ok();
      });
  if (!read) return read;
  // The write-ahead log is one sequence of bytes: syncing its end syncs all of it.
  note_newest(batch, into, from.newest().sequence);
  if (status.ok()) status = into.write_synced(batch);
  if (!status.ok()) return tl::unexpected(to_error(status, "writing the restored log"));
  return {};
}

result<head> verified_head(const std::string& log_path, const head& expected) {
  rocksdb_log_options how;
  how.mode = open_mode::read_only;
  const auto log = rocksdb_log::open(log_path, how);
  if (!log) return tl::unexpected(log.error());
  const auto report = verify(**log, expected);
  if (!report.ok()) return tl::unexpected(*report.first_bad);
  return report.verified;
}

}  // namespace

result<head> restore_log(const std::vector<std::string>& segments, const std::string& log_path) {
  const auto from = segment_log::open(segments);
  if (!from) return tl::unexpected(from.error());
  if (auto whole = check_whole(**from); !whole) return tl::unexpected(whole.error());
  if (std::filesystem::exists(log_path)) return refuse(log_path + " exists already");
  {
    const auto into = database::open(log_path, {});
    if (!into) return tl::unexpected(into.error());
    const auto copied = ensure_format(**into, true).and_then([&] { return copy(**from, **into); });
    if (!copied) return tl::unexpected(copied.error());
  }
  return verified_head(log_path, (*from)->newest());
}

}  // namespace platen::store
