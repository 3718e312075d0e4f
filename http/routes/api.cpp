#include "http/routes/api.hpp"

#include <algorithm>

#include "events/hash.hpp"
#include "http/request/exchange.hpp"
#include "http/routes/answer_once.hpp"

namespace platen::http {
namespace {

// Room for everything but waiting, so that a GET is served while all waiting places are taken.
std::size_t waiting_limit(const limits& bounds) {
  const auto reserve = std::min<std::size_t>(16, (bounds.connections + 1) / 2);
  return std::min(bounds.waiting_requests, bounds.connections - reserve);
}

// Of the bodies being read or handled at the same time.
constexpr std::uint64_t body_memory_bytes = 256 * 1024 * 1024;

rendered_reply answer_keyed(api& with, const exchange& current, const api_request& asked,
                            const std::string& key, const handler& serve) {
  const keyed_request once{key, asked.http.method, asked.http.target,
                           events::to_hex(events::sha256_of(asked.http.body))};
  return answer_once(with, current, once, [&](const keyed_run& run, const events::cause& why) {
    return serve(with, {asked.http, asked.path_argument, why, run});
  });
}

rendered_reply answer_request(api& with, const exchange& current, const api_request& asked,
                              const handler& serve) {
  if (asked.http.method != "GET" && asked.http.method != "HEAD") {
    const auto key = read_idempotency_key(asked.http);
    if (!key) return current.render(to_reply(key.error()));
    if (*key) return answer_keyed(with, current, asked, **key, serve);
  }
  auto answer = serve(with, asked);
  return current.render(answer ? *std::move(answer) : to_reply(answer.error()));
}

}  // namespace

api::api(options how_, dependencies on_)
    : how(std::move(how_)),
      on(on_),
      waiting(waiting_limit(how.bounds)),
      followers(how.bounds.event_followers),
      audits(how.bounds.audit_subscribers),
      uploads(how.bounds.image_uploads),
      body_memory(std::max(body_memory_bytes, how.bounds.body_bytes)) {}

void route(route_table& on, api& with, method how, const std::string& pattern, handler serve) {
  on.add(how, pattern,
         [&with, serve = std::move(serve)](const httplib::Request& request,
                                           httplib::Response& response) {
           const auto& current = exchange::of_this_thread();
           const auto& arguments = current.destination().arguments;
           const api_request asked{
               request, arguments.empty() ? "" : arguments.front(), current.cause(), {}};
           exchange::send(response, answer_request(with, current, asked, serve));
         });
}

}  // namespace platen::http
