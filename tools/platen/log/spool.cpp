#include "tools/platen/log/spool.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "store/record_check.hpp"
#include "tools/platen/disk_log.hpp"

namespace platen::cli {
namespace {

failure cannot(const char* what) {
  return {exit_code::failed,
          std::string("cannot ") + what + " a temporary file: " + std::strerror(errno)};
}

bool read_fully(int descriptor, std::string& into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = ::pread(descriptor, into.data() + done, into.size() - done,
                             static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

}  // namespace

result<spool> spool::of(const store::event_log& log) {
  spool out;
  out.file_.reset(std::tmpfile());
  if (!out.file_) return tl::unexpected(cannot("make"));
  std::uint64_t end = 0;
  bool written = true;
  const auto read =
      log.read_records(0, [&](const events::envelope& event, std::string_view record) {
        written = std::fwrite(record.data(), 1, record.size(), out.file_.get()) == record.size();
        end += record.size();
        out.index_.push_back({event.sequence, event.time_us, end});
        return written;
      });
  if (!read) return tl::unexpected(as_failure(read.error()));
  if (!written || std::fflush(out.file_.get()) != 0) return tl::unexpected(cannot("write"));
  return out;
}

result<events::envelope> spool::at(std::size_t position) const {
  const auto begin = position == 0 ? 0 : index_[position - 1].end;
  std::string record(index_[position].end - begin, '\0');
  if (!read_fully(::fileno(file_.get()), record, begin)) return tl::unexpected(cannot("read"));
  auto event =
      store::read_record(index_[position].sequence, record, store::payloads::may_be_withheld);
  if (!event)
    return fail(exit_code::failed, "the temporary file changed: " + event.error().message);
  return *std::move(event);
}

result<void> spool::each(std::size_t from, std::size_t to, const visitor& visit) const {
  for (auto position = from; position < std::min(to, size()); ++position) {
    const auto event = at(position);
    if (!event) return tl::unexpected(event.error());
    if (!visit(*event)) break;
  }
  return {};
}

std::size_t spool::count_up_to_sequence(std::uint64_t sequence) const {
  const auto past = std::upper_bound(
      index_.begin(), index_.end(), sequence,
      [](std::uint64_t wanted, const entry& one) { return wanted < one.sequence; });
  return static_cast<std::size_t>(past - index_.begin());
}

// The clock may have jumped back between two events, so times need not be in order.
std::size_t spool::count_up_to_time(std::int64_t time_us) const {
  const auto last = std::find_if(index_.rbegin(), index_.rend(),
                                 [&](const entry& one) { return one.time_us <= time_us; });
  return static_cast<std::size_t>(index_.rend() - last);
}

}  // namespace platen::cli
