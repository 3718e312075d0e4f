#include "http/server.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <set>
#include <thread>

#include "actors/scoped_name.hpp"
#include "http/connection/connection_pool.hpp"
#include "http/connection/engine.hpp"
#include "http/connection/listener.hpp"
#include "http/connection/request_bodies.hpp"
#include "http/connection/turn_away.hpp"
#include "http/request/auth.hpp"
#include "http/request/exchange.hpp"
#include "http/routes/admission.hpp"
#include "http/routes/api.hpp"
#include "http/routes/spool_file.hpp"

namespace platen::http {
namespace {

// Paths as the library sees them.
constexpr auto body_first = "/";
constexpr auto body_later = "/upload";

// How long a thread waits for a next connection before it ends.
constexpr std::chrono::seconds idle_thread{10};

// Answers to requests that no handler has seen.
request_error library_error(const httplib::Request& request, int status) {
  const auto* connection = stream::of_this_thread();
  const bool exceeded = connection != nullptr && connection->exceeded();
  if (status == 404) {
    constexpr std::size_t shown = 200;
    return {
        404,
        "no route for " + request.method + " " + exchange::of_this_thread().path().substr(0, shown),
        {}};
  }
  if (status == 400 && exceeded) return {413, "the request is larger than the limit", {}};
  if (status == 400)
    return {400, "the request is not valid HTTP, or its body is shorter than announced", {}};
  if (status == 414) return {414, "the request's target is too long", {}};
  return {status, "the request cannot be served", {}};
}

class running_server : public server {
 public:
  running_server(options how, dependencies on, listener bound)
      : apis_(std::move(how), on),
        api_(apis_.operators()),
        tokens_(api_.how.tokens),
        listener_(std::move(bound)),
        engine_([this](httplib::Request& request, stream& connection) {
          auto& current = exchange::of_this_thread();
          auto to = routes_.find(request.method, request.path);
          auto refused = admit(api_, tokens_, request, to, connection, current);
          if (refused) current.refused(*std::move(refused));
          direct(std::move(to), request, current);
        }),
        pool_(api_.how.bounds.connections, idle_thread) {
    add_hooks();
    add_routes();
    engine_.attach(listener_.descriptor());
    acceptor_ = std::thread([this] { accept_connections(); });
  }

  ~running_server() override { stop(); }

  std::uint16_t port() const override { return listener_.port(); }

  std::string url() const override {
    const auto& host = api_.how.host;
    const bool numeric_ipv6 = host.find(':') != std::string::npos;
    return "http://" + (numeric_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
  }

  std::vector<std::string> routes() const override { return routes_.names(); }

  void stop() override {
    if (stopped_.exchange(true)) return;
    api_.stopping.raise();
    api_.host.cancel_waits();
    api_.keys.cancel_waits();
    acceptor_.join();
    listener_.close();
    pool_.shutdown();
    engine_.detach();
  }

 private:
  void add_routes() {
    add_health_routes(routes_, apis_);
    add_metrics_routes(routes_, apis_);
    add_quota_routes(routes_, apis_);
    add_openapi_route(routes_);
    add_event_routes(routes_, apis_);
    add_audit_routes(routes_, apis_);
    add_factory_routes(routes_, apis_);
    add_image_routes(routes_, apis_);
    add_autoscale_routes(routes_, apis_);
    add_service_routes(routes_, apis_);
    add_certificate_routes(routes_, apis_);
    add_template_routes(routes_, apis_);
    add_instance_routes(routes_, apis_);
    const auto serve = [](const httplib::Request& request, httplib::Response& response) {
      const auto* to = exchange::of_this_thread().destination().to;
      if (to != nullptr)
        to->serve(request, response);
      else
        response.status = 404;
    };
    for (const auto* path : {body_first, body_later}) {
      engine_.Get(path, serve);
      engine_.Post(path, serve);
      engine_.Put(path, serve);
      engine_.Patch(path, serve);
      engine_.Delete(path, serve);
    }
    engine_.Post(body_later, [](const httplib::Request& request, httplib::Response& response,
                                const httplib::ContentReader& body) {
      exchange::of_this_thread().destination().to->serve_upload(request, response, body);
    });
  }

  // The library would try one regular expression after the other, each time. So it gets to see one
  // of two paths, which tell it only whether to read the body before the handler.
  static void direct(route_table::match to, httplib::Request& request, exchange& current) {
    const bool upload = to.to != nullptr && to.to->serve_upload;
    current.directed(std::move(to), std::exchange(request.path, upload ? body_later : body_first));
  }

  void add_hooks() {
    using decision = httplib::Server::HandlerResponse;
    engine_.set_keep_alive_timeout(api_.how.bounds.idle_connection.count());
    engine_.set_pre_routing_handler([](const httplib::Request&, httplib::Response& response) {
      return answer_refusal(response) ? decision::Handled : decision::Unhandled;
    });
    engine_.set_expect_100_continue_handler(
        [](const httplib::Request&, httplib::Response& response) {
          return answer_refusal(response) ? response.status : 100;
        });
    const httplib::Server::HandlerWithResponse complete_error = [](const httplib::Request& request,
                                                                   httplib::Response& response) {
      if (!response.body.empty()) return decision::Unhandled;
      exchange::of_this_thread().answer(response,
                                        to_reply(library_error(request, response.status)));
      return decision::Handled;
    };
    engine_.set_error_handler(complete_error);
    engine_.set_exception_handler(
        [this](const httplib::Request&, httplib::Response& response, std::exception_ptr what) {
          answer_fault(response, what);
        });
    engine_.set_post_routing_handler([](const httplib::Request&, httplib::Response& response) {
      response.set_header("X-Request-Id", exchange::of_this_thread().request_id());
      if (!response.body.empty()) stream::of_this_thread()->hold_answer();
    });
  }

  static bool answer_refusal(httplib::Response& response) {
    const auto& current = exchange::of_this_thread();
    if (!current.refusal()) return false;
    current.answer(response, to_reply(*current.refusal()));
    return true;
  }

  void answer_fault(httplib::Response& response, const std::exception_ptr& what) {
    const auto& current = exchange::of_this_thread();
    std::string reason = "an unknown exception";
    try {
      std::rethrow_exception(what);
    } catch (const std::exception& error) {
      reason = error.what();
    } catch (...) {
    }
    if (api_.how.report_fault)
      api_.how.report_fault("request " + current.request_id() + " failed: " + reason);
    current.answer(response, to_reply({500,
                                       "internal error; the daemon's log has details under the "
                                       "request id " +
                                           current.request_id(),
                                       {}}));
  }

  void accept_connections() {
    while (true) {
      auto accepted = std::make_shared<file_descriptor>(listener_.accept(api_.stopping));
      if (!*accepted) return;
      const bool taken = pool_.run([this, accepted] {
        stream connection(std::move(*accepted), api_.stopping, api_.how.bounds);
        engine_.serve(connection);
      });
      if (!taken) turn_away_.push(std::move(*accepted));
    }
  }

  apis apis_;
  api& api_;
  const token_set tokens_;
  listener listener_;
  route_table routes_;
  engine engine_;
  connection_pool pool_;
  turn_away turn_away_;
  std::thread acceptor_;
  std::atomic<bool> stopped_{false};
};

tl::expected<void, std::string> check(const options& how) {
  std::set<std::string> values;
  for (const auto& [value, scope] : how.tokens) {
    if (value.empty() || value.find_first_of(" \t\r\n") != std::string::npos)
      return tl::unexpected<std::string>("a token must not be empty or contain spaces");
    if (!scope.empty() && !actors::is_scope(scope))
      return tl::unexpected<std::string>("'" + scope + "' cannot be a token's scope");
    if (!values.insert(value).second) return tl::unexpected<std::string>("a token is given twice");
  }
  if (values.empty()) return tl::unexpected<std::string>("the API needs at least one token");
  if (how.bounds.connections == 0)
    return tl::unexpected<std::string>("the limit of connections must not be 0");
  return {};
}

}  // namespace

tl::expected<std::unique_ptr<server>, std::string> server::start(options how, dependencies on) {
  if (auto valid = check(how); !valid) return tl::unexpected(valid.error());
  if (auto bodies = check_request_bodies(); !bodies) return tl::unexpected(bodies.error());
  if (auto clean = spool_file::clean(how.spool_directory); !clean)
    return tl::unexpected(clean.error());
  auto bound = listener::bind(how.host, how.port);
  if (!bound) return tl::unexpected(bound.error());
  return std::make_unique<running_server>(std::move(how), on, *std::move(bound));
}

}  // namespace platen::http
