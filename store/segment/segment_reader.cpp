#include "store/segment/segment_reader.hpp"

#include <zstd.h>

#include <functional>
#include <optional>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "store/files.hpp"
#include "store/segment/layout.hpp"

namespace platen::store {

namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20U;
constexpr const char* advice = "; use another copy of the file";

}  // namespace

class segment_reader::state {
 public:
  // A record and its place in the log, before anything but the layout around it is checked.
  using raw_visitor = std::function<result<bool>(std::uint64_t sequence, std::string_view record)>;

  result<void> open(const std::string& at, rocksdb::Env& env);
  result<void> check_digest();
  result<bool> walk(std::uint64_t after, const raw_visitor& visit) const;
  result<bool> read(chain_check& chain, const event_log::record_visitor& visit) const;

  std::string path;
  segment_info info;

 private:
  result<std::string_view> bytes_at(std::uint64_t offset, std::size_t size,
                                    std::string& into) const;
  result<void> read_ends();
  result<void> expand(std::uint64_t offset, const segment::block_head& head,
                      std::string& compressed, std::string& raw) const;
  static result<bool> walk_block(const segment::block_head& head, std::string_view raw,
                                 std::uint64_t after, const raw_visitor& visit);

  tl::unexpected<error> damaged(std::uint64_t sequence, const std::string& why) const {
    return tl::unexpected(error{error::kind::corrupt, path + ": " + why + advice, sequence});
  }
  tl::unexpected<error> damaged_at(std::uint64_t offset, std::uint64_t sequence,
                                   const std::string& why) const {
    return damaged(sequence, "at byte " + std::to_string(offset) + ", event " +
                                 std::to_string(sequence) + ": " + why);
  }

  std::unique_ptr<rocksdb::RandomAccessFile> file_;
  std::uint64_t blocks_begin_ = 0;  // offsets in the file
  std::uint64_t blocks_end_ = 0;
};

result<void> segment_reader::state::open(const std::string& at, rocksdb::Env& env) {
  path = at;
  auto status = env.NewRandomAccessFile(path, &file_, rocksdb::EnvOptions());
  if (status.ok()) status = env.GetFileSize(path, &info.file_bytes);
  if (!status.ok())
    return tl::unexpected(
        error{error::kind::io, "cannot read the log segment " + path + ": " + status.ToString()});
  return read_ends();
}

result<std::string_view> segment_reader::state::bytes_at(std::uint64_t offset, std::size_t size,
                                                         std::string& into) const {
  into.resize(size);
  rocksdb::Slice found;
  if (const auto status = file_->Read(offset, size, &found, into.data()); !status.ok())
    return tl::unexpected(
        error{error::kind::io, "cannot read the log segment " + path + ": " + status.ToString()});
  if (found.size() != size)
    return damaged(0, "it was cut off after byte " + std::to_string(offset + found.size()));
  return std::string_view(found.data(), found.size());
}

// The header and the footer: everything that `info` holds but the digest.
result<void> segment_reader::state::read_ends() {
  const auto no_segment = [&](const std::string& why) {
    return tl::unexpected(error{error::kind::invalid, path + ": " + why});
  };
  std::string buffer;
  if (info.file_bytes < segment::header_prefix_size + segment::footer_size)
    return no_segment("with " + std::to_string(info.file_bytes) +
                      " bytes it is too short for a log segment" + advice);
  const auto prefix = bytes_at(0, segment::header_prefix_size, buffer);
  if (!prefix) return tl::unexpected(prefix.error());
  const auto size = segment::header_size(*prefix);
  if (!size) return no_segment(size.error());
  blocks_begin_ = *size;
  blocks_end_ = info.file_bytes - segment::footer_size;
  if (blocks_begin_ > blocks_end_) return damaged(0, "it was cut off in its header");
  const auto header_bytes = bytes_at(0, *size, buffer);
  if (!header_bytes) return tl::unexpected(header_bytes.error());
  auto header = segment::decode_header(*header_bytes);
  if (!header) return damaged(0, header.error());
  const auto footer_bytes = bytes_at(blocks_end_, segment::footer_size, buffer);
  if (!footer_bytes) return tl::unexpected(footer_bytes.error());
  const auto footer = segment::decode_footer(*footer_bytes);
  if (!footer) return damaged(header->first, footer.error());
  if (footer->file_bytes != info.file_bytes || footer->last + 1 < header->first)
    return damaged(header->first, "its footer says that it has " +
                                      std::to_string(footer->file_bytes) +
                                      " bytes and ends with event " + std::to_string(footer->last));
  info.first = header->first;
  info.hash_before = header->hash_before;
  info.made_us = header->made_us;
  info.made_by = std::move(header->made_by);
  info.rules = std::move(header->rules);
  info.last = footer->last;
  info.hash = footer->hash;
  info.withheld = footer->withheld;
  return {};
}

result<void> segment_reader::state::check_digest() {
  events::sha256 content;
  events::sha256 whole;
  std::string buffer;
  const std::uint64_t content_end = info.file_bytes - segment::footer_digest_size;
  for (std::uint64_t at = 0; at < content_end;) {
    const auto size =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, content_end - at));
    const auto piece = bytes_at(at, size, buffer);
    if (!piece) return tl::unexpected(piece.error());
    content.update(*piece);
    whole.update(*piece);
    at += size;
  }
  const auto stored = bytes_at(content_end, segment::footer_digest_size, buffer);
  if (!stored) return tl::unexpected(stored.error());
  info.file_sha256 = whole.update(*stored).finish();
  if (events::as_bytes(content.finish()) == *stored) return {};
  // Which event the damage is in helps whoever has to do with it, so it is looked for.
  chain_check chain({info.first - 1, info.hash_before}, payloads::may_be_withheld);
  const auto all = read(chain, [](const auto&, std::string_view) { return true; });
  if (!all) return tl::unexpected(all.error());
  return damaged(0,
                 "it does not have the SHA-256 that is noted at its end; every event is intact, "
                 "the damage is in what surrounds them");
}

result<void> segment_reader::state::expand(std::uint64_t offset, const segment::block_head& head,
                                           std::string& compressed, std::string& raw) const {
  const auto bytes = bytes_at(offset + segment::block_head_size, head.compressed, compressed);
  if (!bytes) return tl::unexpected(bytes.error());
  raw.resize(head.raw);
  const auto size = ZSTD_decompress(raw.data(), raw.size(), bytes->data(), bytes->size());
  if (ZSTD_isError(size) != 0)
    return damaged_at(offset, head.first, std::string("zstd: ") + ZSTD_getErrorName(size));
  if (size != raw.size())
    return damaged_at(offset, head.first,
                      "the block expands to " + std::to_string(size) + " bytes instead of " +
                          std::to_string(raw.size()));
  return {};
}

result<bool> segment_reader::state::walk_block(const segment::block_head& head,
                                               std::string_view raw, std::uint64_t after,
                                               const raw_visitor& visit) {
  for (std::uint64_t sequence = head.first; sequence <= head.last(); ++sequence) {
    const auto record = segment::take_record(raw);
    if (!record) return corrupt(sequence, record.error());
    if (sequence <= after) continue;
    const auto go_on = visit(sequence, *record);
    if (!go_on || !*go_on) return go_on;
  }
  if (!raw.empty()) return corrupt(head.last(), "its block goes on after its last record");
  return true;
}

// Visits the records with a sequence > after. Blocks before them are not expanded.
result<bool> segment_reader::state::walk(std::uint64_t after, const raw_visitor& visit) const {
  std::string head_bytes;
  std::string compressed;
  std::string raw;
  std::uint64_t expected = info.first;
  for (std::uint64_t offset = blocks_begin_; offset < blocks_end_;) {
    if (blocks_end_ - offset < segment::block_head_size)
      return damaged_at(offset, expected, "there are too few bytes for a block");
    const auto bytes = bytes_at(offset, segment::block_head_size, head_bytes);
    if (!bytes) return tl::unexpected(bytes.error());
    const auto head = segment::decode_block_head(*bytes);
    if (!head) return damaged_at(offset, expected, head.error());
    if (head->first != expected || head->last() > info.last)
      return damaged_at(offset, expected,
                        "the block says that it has the events " + std::to_string(head->first) +
                            " to " + std::to_string(head->last()));
    if (head->compressed > blocks_end_ - offset - segment::block_head_size)
      return damaged_at(offset, expected, "the block is longer than the file");
    if (head->last() > after) {
      const auto visited = expand(offset, *head, compressed, raw).and_then([&] {
        return walk_block(*head, raw, after, visit).map_error([&](error why) {
          return damaged(why.sequence, "at byte " + std::to_string(offset) + ", " + why.message)
              .value();
        });
      });
      if (!visited || !*visited) return visited;
    }
    expected = head->last() + 1;
    offset += segment::block_head_size + head->compressed;
  }
  if (expected != info.last + 1)
    return damaged(expected, "its blocks end before event " + std::to_string(expected) +
                                 ", its footer says that event " + std::to_string(info.last) +
                                 " is the last");
  return true;
}

result<bool> segment_reader::state::read(chain_check& chain,
                                         const event_log::record_visitor& visit) const {
  const bool from_the_beginning = chain.last().sequence + 1 == info.first;
  std::uint64_t withheld = 0;
  const auto read = walk(chain.last().sequence,
                         [&](std::uint64_t sequence, std::string_view record) -> result<bool> {
                           const auto event = chain.next(sequence, record);
                           if (!event) return tl::unexpected(event.error());
                           if (events::is_withheld(record)) ++withheld;
                           return visit(*event, record);
                         });
  if (!read || !*read) return read;
  if (chain.last().hash != info.hash)
    return damaged(info.last, "its last event does not have the hash that its footer names");
  if (from_the_beginning && withheld != info.withheld)
    return damaged(0, "of " + std::to_string(withheld) +
                          " events only the header is there, its footer says of " +
                          std::to_string(info.withheld));
  return true;
}

segment_reader::segment_reader(std::unique_ptr<state> opened) : state_(std::move(opened)) {}
segment_reader::segment_reader(segment_reader&&) noexcept = default;
segment_reader& segment_reader::operator=(segment_reader&&) noexcept = default;
segment_reader::~segment_reader() = default;

result<segment_reader> segment_reader::open(const std::string& path, rocksdb::Env* env) {
  auto opened = std::make_unique<state>();
  if (auto done = opened->open(path, env_or_default(env)); !done)
    return tl::unexpected(done.error());
  if (auto intact = opened->check_digest(); !intact) return tl::unexpected(intact.error());
  return segment_reader(std::move(opened));
}

const std::string& segment_reader::path() const {
  return state_->path;
}

const segment_info& segment_reader::info() const {
  return state_->info;
}

result<head> segment_reader::head_at(std::uint64_t sequence) const {
  const auto& info = state_->info;
  if (sequence + 1 == info.first) return head{sequence, info.hash_before};
  if (sequence == info.last) return head{sequence, info.hash};
  std::optional<head> found;
  const auto walked =
      state_->walk(sequence - 1, [&](std::uint64_t at, std::string_view record) -> result<bool> {
        const auto event = read_record(at, record, payloads::may_be_withheld);
        if (!event) return tl::unexpected(event.error());
        found = head{at, event->hash};
        return false;
      });
  if (!walked) return tl::unexpected(walked.error());
  if (!found)
    return tl::unexpected(error{error::kind::invalid,
                                state_->path + " does not have event " + std::to_string(sequence)});
  return *found;
}

result<bool> segment_reader::read(chain_check& chain,
                                  const event_log::record_visitor& visit) const {
  return state_->read(chain, visit);
}

result<segment_info> verify_segment(const std::string& path, rocksdb::Env* env) {
  const auto segment = segment_reader::open(path, env);
  if (!segment) return tl::unexpected(segment.error());
  const auto& info = segment->info();
  chain_check chain({info.first - 1, info.hash_before}, payloads::may_be_withheld);
  const auto read = segment->read(chain, [](const auto&, std::string_view) { return true; });
  if (!read) return tl::unexpected(read.error());
  return info;
}

}  // namespace platen::store
