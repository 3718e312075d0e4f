#include <memory>

#include "actors/wall_clock.hpp"
#include "http/connection/stream.hpp"
#include "http/request/exchange.hpp"
#include "http/request/targets.hpp"
#include "http/routes/api.hpp"
#include "http/routes/event_feed.hpp"
#include "http/routes/event_query.hpp"

namespace platen::http {
namespace {

answer_or_error<feed_wish> read_wish(const httplib::Request& request, std::uint64_t newest) {
  first_problem problem;
  query_reader query(request.target, problem);
  feed_wish wish;
  wish.which = read_event_filter(query, newest, actors::wall_clock_us());
  if (const auto limit = query.integer("limit", 1, INT64_MAX))
    wish.limit = static_cast<std::uint64_t>(*limit);
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
  std::chrono::milliseconds heartbeat;
};

// When the server stops, the answer of a follower ends properly: it has all there is. Another one
// breaks off, so that it is not taken for complete.
bool end_early(const served_feed& served, httplib::DataSink& sink) {
  const bool follower = served.place.has_value();
  if (follower) sink.done();
  return follower;
}

bool send(httplib::DataSink& sink, const std::string& text) {
  return text.empty() || sink.write(text.data(), text.size());
}

bool send_next(served_feed& served, const stream& connection, httplib::DataSink& sink) {
  if (connection.stop_signal().raised()) return end_early(served, sink);
  auto& feed = served.feed;
  const auto lines = feed.next();
  if (!send(sink, lines ? *lines : lines.error())) return false;
  if (feed.complete()) sink.done();
  if (feed.complete() || (lines && !lines->empty())) return true;
  if (!feed.caught_up()) return !has_left(connection.descriptor());
  switch (feed.news().await(connection.stop_signal(), connection.descriptor(), served.heartbeat)) {
    case log_news::wake::idle:
      return send(sink, "\n");
    case log_news::wake::over:
      sink.done();
      return true;
    case log_news::wake::news:
      break;
  }
  return true;
}

answer_or_error<std::shared_ptr<served_feed>> open_feed(api& with,
                                                        const httplib::Request& request) {
  auto wish = read_wish(request, with.on.log.newest().sequence);
  if (!wish) return tl::unexpected(wish.error());
  std::optional<capacity::lease> place;
  if (wish->follow && !(place = with.followers.try_take()))
    return tl::unexpected(request_error{429, "too many clients are following the events", 10});
  return std::shared_ptr<served_feed>(new served_feed{
      std::move(place), event_feed(with.on.log, *std::move(wish)), with.how.bounds.heartbeat});
}

}  // namespace

void add_event_routes(route_table& on, apis& with) {
  on.add(method::get, "/v1/events",
         [&with = with.operators()](const httplib::Request& request, httplib::Response& response) {
           auto feed = open_feed(with, request);
           if (!feed) return exchange::of_this_thread().answer(response, to_reply(feed.error()));
           response.set_chunked_content_provider(
               "application/x-ndjson", [served = *feed](std::size_t, httplib::DataSink& sink) {
                 return send_next(*served, *stream::of_this_thread(), sink);
               });
         });
}

}  // namespace platen::http
