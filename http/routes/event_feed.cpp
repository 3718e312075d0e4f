#include "http/routes/event_feed.hpp"

#include "events/codec.hpp"
#include "events/json.hpp"
#include "http/request/base64.hpp"

namespace platen::http {
namespace {

constexpr std::size_t batch_bytes = 64 * 1024;
// So that a feed that passes everything over still notices in time that nobody wants it any more.
constexpr std::size_t batch_events = 4096;

std::string error_line(const store::error& why) {
  auto line = R"({"error":{"message":)" + events::json_string(why.message);
  // A reader has to tell a broken log from one that cannot be read at the moment.
  line += why.what == store::error::kind::corrupt ? R"(,"kind":"corrupt")" : R"(,"kind":"io")";
  if (why.sequence != 0) line += R"(,"sequence":)" + std::to_string(why.sequence);
  return line + "}}\n";
}

// The line of an event, and with it, where asked for, the bytes that the hash chain covers.
std::string line_of(const events::envelope& event, std::string_view record, bool with_record) {
  auto line = events::to_json(event);
  if (with_record) {
    line.pop_back();
    line += R"(,"record":")" + to_base64(std::string(record)) + "\"}";
  }
  return line + '\n';
}

}  // namespace

event_feed::event_feed(store::event_log& log, feed_wish wish) : log_(log), wish_(std::move(wish)) {
  if (wish_.follow) news_.emplace(log_);
}

const std::string* event_feed::only_stream() const {
  const auto& streams = wish_.which.streams;
  return streams.size() == 1 && !streams.front().ends_with("/*") ? &streams.front() : nullptr;
}

store::result<void> event_feed::read(const store::event_log::record_visitor& visit) const {
  if (const auto* stream = only_stream()) return log_.read_stream_records(*stream, version_, visit);
  return log_.read_records(wish_.which.after, visit);
}

// False once all events up to `sequence` are read and no later one can be wanted.
bool event_feed::wants_more(std::uint64_t sequence) const {
  return wish_.limit > 0 && (!wish_.which.up_to || sequence < *wish_.which.up_to);
}

tl::expected<std::string, std::string> event_feed::next() {
  if (news_) news_->expect();
  const auto newest = log_.newest().sequence;
  std::string lines;
  std::size_t visited = 0;
  caught_up_ = true;
  const auto visit = [&](const events::envelope& event, std::string_view record) {
    version_ = event.version;
    if (passes(wish_.which, event)) {
      lines += line_of(event, record, wish_.records);
      --wish_.limit;
    }
    wish_.which.after = std::max(wish_.which.after, event.sequence);
    caught_up_ =
        wants_more(event.sequence) && ++visited < batch_events && lines.size() < batch_bytes;
    return caught_up_;
  };
  if (wants_more(wish_.which.after)) {
    if (const auto read_all = read(visit); !read_all) {
      complete_ = true;
      return tl::unexpected(lines + error_line(read_all.error()));
    }
  }
  complete_ = !wants_more(caught_up_ ? std::max(newest, wish_.which.after) : wish_.which.after) ||
              (caught_up_ && !wish_.follow);
  return lines;
}

}  // namespace platen::http
