#include "http/routes/api.hpp"

#include <algorithm>
#include <set>

#include "actors/service/settings.hpp"
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

options of_scope(options how, const std::string& scope) {
  how.base_domain = actors::service_group::base_domain_of(how.base_domain, scope);
  return how;
}

}  // namespace

shared_bounds::shared_bounds(const limits& bounds)
    : waiting(waiting_limit(bounds)),
      followers(bounds.event_followers),
      audits(bounds.audit_subscribers),
      uploads(bounds.image_uploads),
      body_memory(std::max(body_memory_bytes, bounds.body_bytes)) {}

api::api(const options& how_, const dependencies& all, std::string scope_name,
         shared_bounds& shared)
    : control_(all.control, scope(scope_name)),
      of(std::move(scope_name)),
      how(of_scope(how_, of.name())),
      on{control_, all.log, all.images, all.roms, nullptr, all.traffic},
      host(all.control),
      stopping(shared.stopping),
      waiting(shared.waiting),
      followers(shared.followers),
      audits(shared.audits),
      uploads(shared.uploads),
      body_memory(shared.body_memory),
      keys(shared.keys),
      departed(shared.departed) {
  if (all.certificates != nullptr) certificates.emplace(*all.certificates, of);
}

apis::apis(const options& how, const dependencies& on) : shared_(how.bounds) {
  std::set<std::string> scopes{""};
  for (const auto& token : how.tokens)
    scopes.insert(token.scope);
  for (const auto& name : scopes)
    by_scope_[name] = std::make_unique<api>(how, on, name, shared_);
}

void route(route_table& on, apis& with, method how, const std::string& pattern, handler serve,
           audience open_to) {
  on.add(
      how, pattern,
      [&with, serve = std::move(serve)](const httplib::Request& request,
                                        httplib::Response& response) {
        const auto& current = exchange::of_this_thread();
        const auto& arguments = current.destination().arguments;
        const api_request asked{
            request, arguments.empty() ? "" : arguments.front(), current.cause(), {}};
        exchange::send(response, answer_request(with.of(current.scope()), current, asked, serve));
      },
      open_to);
}

}  // namespace platen::http
