#include <algorithm>
#include <cctype>
#include <memory>

#include "http/connection/stream.hpp"
#include "http/request/exchange.hpp"
#include "http/request/query_reader.hpp"
#include "http/request/targets.hpp"
#include "http/routes/api.hpp"
#include "http/routes/event_feed.hpp"

namespace platen::http {
namespace {

// <kind>/<id>
bool is_stream_name(const std::string& text) {
  const auto slash = text.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < text.size() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '/';
         });
}

// Negative numbers count from the end: -20 leaves the newest 20 events.
std::uint64_t first_wanted_after(std::int64_t given, std::uint64_t newest) {
  if (given >= 0) return static_cast<std::uint64_t>(given);
  const auto wanted = static_cast<std::uint64_t>(-given);
  return newest > wanted ? newest - wanted : 0;
}

answer_or_error<feed_wish> read_wish(const httplib::Request& request, std::uint64_t newest) {
  first_problem problem;
  query_reader query(request.target, problem);
  feed_wish wish;
  wish.after =
      first_wanted_after(query.integer("after", -INT64_MAX, INT64_MAX).value_or(0), newest);
  if (const auto limit = query.integer("limit", 1, INT64_MAX))
    wish.limit = static_cast<std::uint64_t>(*limit);
  wish.stream = query.text("stream", 128).value_or("");
  if (query.has("stream") && !is_stream_name(wish.stream))
    query.report("stream", "must be a stream such as 'instance/<uuid>' or 'system/platend'");
  wish.follow = query.boolean("follow").value_or(false);
  wish.records = query.boolean("records").value_or(false);
  query.refuse_others();
  if (!is_blank(request.body)) problem.report("this request takes no body");
  if (problem.found()) return tl::unexpected(*problem.error());
  return wish;
}

// A feed and its place among the followers, for as long as the answer lasts.
struct served_feed {
  std::optional<capacity::lease> place;
  event_feed feed;
};

// When the server stops, the answer of a follower ends properly: it has all there is. Another one
// breaks off, so that it is not taken for complete.
bool end_early(const served_feed& served, httplib::DataSink& sink) {
  const bool follower = served.place.has_value();
  if (follower) sink.done();
  return follower;
}

bool send_next(served_feed& served, const stream& connection, httplib::DataSink& sink) {
  if (connection.stop_signal().raised()) return end_early(served, sink);
  const auto lines = served.feed.next();
  const auto& text = lines ? *lines : lines.error();
  if (!text.empty() && !sink.write(text.data(), text.size())) return false;
  if (served.feed.complete()) sink.done();
  if (served.feed.complete() || !text.empty()) return true;
  if (!served.feed.await_news(connection.stop_signal(), connection.descriptor())) sink.done();
  return true;
}

answer_or_error<std::shared_ptr<served_feed>> open_feed(api& with,
                                                        const httplib::Request& request) {
  auto wish = read_wish(request, with.on.log.newest().sequence);
  if (!wish) return tl::unexpected(wish.error());
  std::optional<capacity::lease> place;
  if (wish->follow && !(place = with.followers.try_take()))
    return tl::unexpected(request_error{429, "too many clients are following the events", 10});
  return std::shared_ptr<served_feed>(
      new served_feed{std::move(place), event_feed(with.on.log, *std::move(wish))});
}

}  // namespace

void add_event_routes(httplib::Server& on, api& with) {
  on.Get("/v1/events", [&with](const httplib::Request& request, httplib::Response& response) {
    auto feed = open_feed(with, request);
    if (!feed) return exchange::of_this_thread().answer(response, to_reply(feed.error()));
    response.set_chunked_content_provider(
        "application/x-ndjson", [served = *feed](std::size_t, httplib::DataSink& sink) {
          return send_next(*served, *stream::of_this_thread(), sink);
        });
  });
}

}  // namespace platen::http
