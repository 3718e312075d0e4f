#include "http/routes/api.hpp"

#include <algorithm>

#include "http/request/exchange.hpp"

namespace platen::http {
namespace {

// Room for everything but waiting, so that a GET is served while all waiting places are taken.
std::size_t waiting_limit(const limits& bounds) {
  const auto reserve = std::min<std::size_t>(16, (bounds.connections + 1) / 2);
  return std::min(bounds.waiting_requests, bounds.connections - reserve);
}

// Of the bodies being read or handled at the same time.
constexpr std::uint64_t body_memory_bytes = 256 * 1024 * 1024;

}  // namespace

api::api(options how_, dependencies on_)
    : how(std::move(how_)),
      on(on_),
      waiting(waiting_limit(how.bounds)),
      followers(how.bounds.event_followers),
      uploads(how.bounds.image_uploads),
      body_memory(std::max(body_memory_bytes, how.bounds.body_bytes)) {}

void route(httplib::Server& on, api& with, method how, const std::string& pattern, handler serve) {
  const auto adapter = [&with, serve = std::move(serve)](const httplib::Request& request,
                                                         httplib::Response& response) {
    auto& current = exchange::of_this_thread();
    const auto argument = request.matches.size() > 1 ? request.matches[1].str() : std::string();
    auto answer = serve(with, {request, argument, current.cause()});
    current.answer(response, answer ? *std::move(answer) : to_reply(answer.error()));
  };
  switch (how) {
    case method::get:
      on.Get(pattern, adapter);
      break;
    case method::post:
      on.Post(pattern, adapter);
      break;
    case method::put:
      on.Put(pattern, adapter);
      break;
    case method::del:
      on.Delete(pattern, adapter);
      break;
  }
}

}  // namespace platen::http
