#include "store/segment/segment_writer.hpp"

#include <zstd.h>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "store/files.hpp"
#include "store/segment/layout.hpp"

namespace platen::store {

namespace {

constexpr int compression_level = 3;  // zstd's own default

struct free_context {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using compressor = std::unique_ptr<ZSTD_CCtx, free_context>;

compressor make_compressor() {
  compressor made(ZSTD_createCCtx());
  if (!made) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(made.get(), ZSTD_c_compressionLevel, compression_level);
  ZSTD_CCtx_setParameter(made.get(), ZSTD_c_checksumFlag, 1);
  return made;
}

}  // namespace

class segment_writer::state {
 public:
  state(new_file made, segment_info about) : file(std::move(made)), info(std::move(about)) {
    info.last = info.first - 1;
    info.hash = info.hash_before;
    info.withheld = info.file_bytes = 0;
  }

  result<void> write(std::string_view bytes) {
    content.update(bytes);
    whole.update(bytes);
    info.file_bytes += bytes.size();
    return file.append(bytes);
  }

  // Compresses and writes the records that were collected.
  result<void> write_block() {
    if (records == 0) return {};
    compressed.resize(ZSTD_compressBound(block.size()));
    const auto size = ZSTD_compress2(context.get(), compressed.data(), compressed.size(),
                                     block.data(), block.size());
    if (ZSTD_isError(size) != 0)
      return tl::unexpected(
          error{error::kind::io, std::string("compressing events: ") + ZSTD_getErrorName(size)});
    const auto head = segment::encode(segment::block_head{static_cast<std::uint32_t>(size),
                                                          static_cast<std::uint32_t>(block.size()),
                                                          info.last + 1 - records, records});
    block.clear();
    records = 0;
    return write(head).and_then([&] { return write({compressed.data(), size}); });
  }

  result<void> write_footer() {
    const auto bytes = segment::encode(segment::footer{info.last, info.hash, info.withheld,
                                                       info.file_bytes + segment::footer_size});
    if (auto written = write(bytes); !written) return written;
    return write(events::as_bytes(content.finish()));
  }

  new_file file;
  segment_info info;
  events::sha256 content;  // of the bytes before the footer's digest
  events::sha256 whole;
  compressor context = make_compressor();
  std::string block;  // records that are not written yet
  std::uint32_t records = 0;
  std::string compressed;
};

segment_writer::segment_writer(std::unique_ptr<state> made) : state_(std::move(made)) {}
segment_writer::segment_writer(segment_writer&&) noexcept = default;
segment_writer::~segment_writer() = default;

result<segment_writer> segment_writer::create(const std::string& path, const segment_info& about,
                                              rocksdb::Env* env) {
  auto file = new_file::create(path, env_or_default(env));
  if (!file) return tl::unexpected(file.error());
  segment_writer made(std::make_unique<state>(std::move(*file), about));
  const auto header = segment::encode(
      segment::header{about.first, about.hash_before, about.made_us, about.made_by, about.rules});
  if (auto written = made.state_->write(header); !written) return tl::unexpected(written.error());
  return made;
}

result<void> segment_writer::add(const events::envelope& event, std::string_view record,
                                 bool withhold) {
  auto& info = state_->info;
  if (event.sequence != info.last + 1 || event.previous_hash != info.hash)
    return tl::unexpected(error{error::kind::invalid,
                                "event " + std::to_string(event.sequence) +
                                    " is not the successor of event " + std::to_string(info.last),
                                event.sequence});
  const auto kept = withhold ? events::without_event(record) : record;
  if (!kept || kept->size() > segment::record_bytes_limit)
    return tl::unexpected(error{error::kind::invalid,
                                "event " + std::to_string(event.sequence) +
                                    (kept ? ": the record is too long" : ": " + kept.error()),
                                event.sequence});
  segment::append_record(state_->block, *kept);
  ++state_->records;
  info.last = event.sequence;
  info.hash = event.hash;
  if (events::is_withheld(*kept)) ++info.withheld;
  if (state_->block.size() < segment::block_bytes_target) return {};
  return state_->write_block();
}

result<segment_info> segment_writer::seal() {
  auto sealed =
      state_->write_block().and_then([&] { return state_->write_footer(); }).and_then([&] {
        return state_->file.publish();
      });
  if (!sealed) return tl::unexpected(sealed.error());
  state_->info.file_sha256 = state_->whole.finish();
  return state_->info;
}

}  // namespace platen::store
