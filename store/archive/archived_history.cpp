#include "store/archive/archived_history.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "events/hash.hpp"
#include "store/keys.hpp"
#include "store/segment/layout.hpp"
#include "store/segment/segment_reader.hpp"

namespace platen::store {

namespace {

constexpr const char* dropped_key = "dropped";
constexpr const char* archive_key = "archive";
constexpr std::string_view segment_prefix = "archived/";
constexpr std::size_t sequence_digits = 20;

// A sequence and the hash of its event: 8 bytes big-endian, 32 bytes.
std::string head_value(const head& value) {
  return number_key(value.sequence) + std::string(events::as_bytes(value.hash));
}

std::optional<head> head_from_value(std::string_view bytes) {
  head value;
  const auto sequence = number_from_key(bytes.substr(0, 8));
  if (!sequence || bytes.size() != 8 + value.hash.size()) return std::nullopt;
  value.sequence = *sequence;
  std::copy(bytes.begin() + 8, bytes.end(), value.hash.begin());
  return value;
}

std::string digits(std::uint64_t sequence) {
  const auto text = std::to_string(sequence);
  return std::string(sequence_digits - text.size(), '0') + text;
}

// What `meta` has under a key; nothing if there is none.
result<std::optional<std::string>> meta_value(const database& db, const rocksdb::ReadOptions& how,
                                              const char* key) {
  std::string value;
  const auto status = db.db().Get(how, db[family::meta], key, &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return tl::unexpected(to_error(status, std::string("reading meta/") + key));
  return value;
}

result<std::vector<archived_segment>> archived_segments(const database& db,
                                                        const rocksdb::ReadOptions& how) {
  std::vector<archived_segment> segments;
  const std::unique_ptr<rocksdb::Iterator> entries(db.db().NewIterator(how, db[family::meta]));
  const rocksdb::Slice prefix(segment_prefix.data(), segment_prefix.size());
  for (entries->Seek(prefix); entries->Valid() && entries->key().starts_with(prefix);
       entries->Next()) {
    const auto first = number_from_key(entries->key().ToStringView().substr(prefix.size()));
    const auto last = head_from_value(entries->value().ToStringView());
    const std::uint64_t expected = segments.empty() ? 1 : segments.back().last + 1;
    if (!first || !last || *first != expected || last->sequence < *first)
      return corrupt(expected, "the list of archived segments in `meta` is malformed");
    segments.push_back({*first, last->sequence, last->hash});
  }
  if (!entries->status().ok())
    return tl::unexpected(to_error(entries->status(), "reading the list of archived segments"));
  return segments;
}

error not_readable(const archived_segment& wanted, const std::string& directory, error why) {
  why.sequence = wanted.first;
  why.message = "the events " + std::to_string(wanted.first) + " to " +
                std::to_string(wanted.last) + " of the log are in the archive, file " +
                wanted.file_name() + ", which cannot be used: " + why.message;
  if (why.what != error::kind::corrupt) {
    why.what = error::kind::io;
    why.message += directory.empty()
                       ? "; say where the archive is"
                       : "; put the file back, or say where the archive is if it was moved";
  }
  return why;
}

result<std::shared_ptr<const segment_reader>> open_segment(const archived_segment& wanted,
                                                           opened_segments& files) {
  auto file = files.get(wanted.file_name());
  if (!file) return tl::unexpected(not_readable(wanted, files.directory(), file.error()));
  const auto& info = (*file)->info();
  if (info.first == wanted.first && info.last == wanted.last && info.hash == wanted.hash)
    return file;
  return tl::unexpected(
      not_readable(wanted, files.directory(),
                   {error::kind::corrupt,
                    (*file)->path() + " is not the segment that this log was archived to"}));
}

}  // namespace

std::string archived_segment::file_name() const {
  return digits(first) + "-" + digits(last) + std::string(segment::extension);
}

result<head> dropped_head(const database& db, const rocksdb::ReadOptions& how) {
  const auto value = meta_value(db, how, dropped_key);
  if (!value) return tl::unexpected(value.error());
  if (!*value) return head{};
  const auto dropped = head_from_value(**value);
  if (!dropped) return corrupt(0, "meta/dropped is malformed");
  return *dropped;
}

void remember(rocksdb::WriteBatch& batch, const database& db, const archived_segment& sealed) {
  const auto value = head_value({sealed.last, sealed.hash});
  batch.Put(db[family::meta], std::string(segment_prefix) + number_key(sealed.first), value);
  batch.Put(db[family::meta], dropped_key, value);
}

result<std::string> remembered_archive(const database& db, const std::string& log_path) {
  const auto value = meta_value(db, {}, archive_key);
  if (!value) return tl::unexpected(value.error());
  if (!*value || (*value)->empty()) return std::string();
  const std::filesystem::path directory(**value);
  if (directory.is_absolute()) return directory.string();
  return (std::filesystem::absolute(log_path) / directory).lexically_normal().string();
}

void remember_archive(rocksdb::WriteBatch& batch, const database& db, const std::string& log_path,
                      const std::string& directory) {
  const auto log = std::filesystem::absolute(log_path + "/").lexically_normal();
  const auto archive = std::filesystem::absolute(directory).lexically_normal();
  const auto beside = archive.lexically_relative(log.parent_path()).string();
  const bool moves_along = beside.starts_with("../") && !beside.starts_with("../../");
  batch.Put(db[family::meta], archive_key, moves_along ? beside : archive.string());
}

result<archived_history> archived_history::load(const database& db, const rocksdb::ReadOptions& how,
                                                opened_segments& files) {
  const auto dropped = dropped_head(db, how);
  if (!dropped) return tl::unexpected(dropped.error());
  auto segments = archived_segments(db, how);
  if (!segments) return tl::unexpected(segments.error());
  const head listed =
      segments->empty() ? head{} : head{segments->back().last, segments->back().hash};
  if (listed.sequence != dropped->sequence || listed.hash != dropped->hash)
    return corrupt(dropped->sequence, "meta/dropped is not the end of the archived segments");
  return archived_history(std::move(*segments), *dropped, files);
}

result<bool> archived_history::read(std::uint64_t after,
                                    const event_log::record_visitor& visit) const {
  std::optional<chain_check> chain;
  for (const auto& wanted : segments_) {
    if (wanted.last <= after) continue;
    const auto file = open_segment(wanted, files_);
    if (!file) return tl::unexpected(file.error());
    if (!chain) {
      const auto start = (*file)->head_at(after);
      if (!start) return tl::unexpected(start.error());
      chain.emplace(*start);
    }
    const auto go_on = (*file)->read(*chain, visit);
    if (!go_on || !*go_on) return go_on;
  }
  return true;
}

}  // namespace platen::store
