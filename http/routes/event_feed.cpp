#include "http/routes/event_feed.hpp"

#include <poll.h>

#include <cerrno>

#include "events/codec.hpp"
#include "events/json.hpp"
#include "http/request/base64.hpp"

namespace platen::http {
namespace {

constexpr std::size_t batch_bytes = 64 * 1024;

std::string error_line(const store::error& why) {
  auto line = R"({"error":{"message":)" + events::json_string(why.message);
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
  // Before the first read, so that nothing falls between the two.
  if (wish_.follow) subscription_ = log_.subscribe([this](std::uint64_t) { news_.raise(); });
}

event_feed::~event_feed() {
  if (wish_.follow) log_.unsubscribe(subscription_);
}

store::result<void> event_feed::read(const store::event_log::record_visitor& visit) const {
  if (wish_.stream.empty()) return log_.read_records(wish_.after, visit);
  return log_.read_stream_records(wish_.stream, version_, visit);
}

tl::expected<std::string, std::string> event_feed::next() {
  std::string lines;
  news_.lower();
  const auto visited = read([&](const events::envelope& event, std::string_view record) {
    version_ = event.version;
    if (event.sequence <= wish_.after) return true;
    if (wish_.limit == 0) return false;
    lines += line_of(event, record, wish_.records);
    wish_.after = event.sequence;
    --wish_.limit;
    return wish_.limit > 0 && lines.size() < batch_bytes;
  });
  if (!visited) {
    complete_ = true;
    return tl::unexpected(lines + error_line(visited.error()));
  }
  complete_ = wish_.limit == 0 || (lines.empty() && !wish_.follow);
  return lines;
}

bool event_feed::await_news(const signal& stop, int socket) const {
  pollfd wanted[] = {
      {news_.descriptor(), POLLIN, 0}, {stop.descriptor(), POLLIN, 0}, {socket, POLLRDHUP, 0}};
  while (::poll(wanted, 3, -1) < 0 && errno == EINTR) {
  }
  return wanted[1].revents == 0 && wanted[2].revents == 0;
}

}  // namespace platen::http
