#include <algorithm>
#include <charconv>
#include <memory>

#include "http/connection/stream.hpp"
#include "http/request/exchange.hpp"
#include "http/request/query_reader.hpp"
#include "http/request/targets.hpp"
#include "http/request/text_rules.hpp"
#include "http/routes/api.hpp"
#include "http/routes/audit_feed.hpp"
#include "http/routes/event_query.hpp"

namespace platen::http {
namespace {

constexpr std::size_t list_bytes_limit = 8192;

std::set<std::string, std::less<>> read_types(query_reader& query) {
  std::set<std::string, std::less<>> wanted;
  const auto given = query.last("events", list_bytes_limit);
  if (!given) return wanted;
  for (auto& type : split_list(query, "events", *given)) {
    if (std::find(audit_types.begin(), audit_types.end(), type) == audit_types.end())
      query.report("events", "has '" + type + "', which is none of " +
                                 enumerated({audit_types.begin(), audit_types.end()}));
    wanted.insert(std::move(type));
  }
  return wanted;
}

std::set<std::string, std::less<>> read_uuids(query_reader& query) {
  std::set<std::string, std::less<>> wanted;
  const auto given = query.last("uuid", list_bytes_limit);
  if (!given) return wanted;
  for (const auto& uuid : split_list(query, "uuid", *given)) {
    if (!is_uuid(uuid)) query.problem().report("Invalid uuid '" + uuid.substr(0, 64) + "'");
    wanted.insert(to_lower(uuid));
  }
  return wanted;
}

// Where the stream begins. What a reconnecting browser says comes before what its URL said once.
std::uint64_t read_after(const httplib::Request& request, query_reader& query,
                         std::uint64_t newest) {
  auto after = newest;
  if (const auto given = query.integer("after", -INT64_MAX, INT64_MAX))
    after = first_wanted_after(*given, newest);
  if (request.has_header("Last-Event-ID")) {
    const auto text = request.get_header_value("Last-Event-ID");
    const auto* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, after);
    if (error != std::errc{} || stop != end)
      query.problem().report(
          "the header 'Last-Event-ID' must be the id of an event of this stream, a number");
  }
  if (after > newest)
    query.problem().report("the stream cannot go on after " + std::to_string(after) +
                           ": the newest event is " + std::to_string(newest) +
                           ", so this is another log, or one that was cut off");
  return after;
}

answer_or_error<audit_wish> read_wish(const httplib::Request& request, std::uint64_t newest) {
  first_problem problem;
  query_reader query(request.target, problem);
  audit_wish wish;
  wish.types = read_types(query);
  wish.uuids = read_uuids(query);
  if (query.last("tags", list_bytes_limit))
    query.report("tags", "is not supported yet: instances and templates have no tags");
  wish.after = read_after(request, query, newest);
  query.refuse_others();
  if (!is_blank(request.body)) problem.report("this request takes no body");
  if (problem.found()) return tl::unexpected(*problem.error());
  return wish;
}

// A feed and its place among the subscribers, for as long as the answer lasts.
struct served_audit {
  capacity::lease place;
  audit_feed feed;
  std::chrono::milliseconds heartbeat;
};

bool send(httplib::DataSink& sink, const std::string& text) {
  return text.empty() || sink.write(text.data(), text.size());
}

bool send_next(served_audit& served, const stream& connection, httplib::DataSink& sink) {
  auto& feed = served.feed;
  if (connection.stop_signal().raised()) {
    sink.done();
    return true;
  }
  const auto text = feed.next();
  if (!send(sink, text)) return false;
  if (!text.empty()) return true;
  if (!feed.caught_up()) return !has_left(connection.descriptor());
  switch (feed.news().await(connection.stop_signal(), connection.descriptor(), served.heartbeat)) {
    case log_news::wake::idle:
      return send(sink, ": heartbeat\n\n");
    case log_news::wake::over:
      sink.done();
      return true;
    case log_news::wake::news:
      break;
  }
  return true;
}

answer_or_error<std::shared_ptr<served_audit>> open_audit(api& with,
                                                          const httplib::Request& request) {
  auto wish = read_wish(request, with.on.log.newest().sequence);
  if (!wish) return tl::unexpected(wish.error());
  auto place = with.audits.try_take();
  if (!place)
    return tl::unexpected(request_error{429,
                                        "there are already " +
                                            std::to_string(with.how.bounds.audit_subscribers) +
                                            " subscribers of the audit stream, the limit",
                                        10});
  return std::shared_ptr<served_audit>(new served_audit{
      *std::move(place), audit_feed(with.on.log, *std::move(wish)), with.how.bounds.heartbeat});
}

}  // namespace

void add_audit_routes(route_table& on, apis& with) {
  on.add(method::get, "/v1/audit",
         [&with = with.operators()](const httplib::Request& request, httplib::Response& response) {
           auto feed = open_audit(with, request);
           if (!feed) return exchange::of_this_thread().answer(response, to_reply(feed.error()));
           response.set_header("Cache-Control", "no-store");
           response.set_chunked_content_provider(
               "text/event-stream", [served = *feed](std::size_t, httplib::DataSink& sink) {
                 return send_next(*served, *stream::of_this_thread(), sink);
               });
         });
}

}  // namespace platen::http
