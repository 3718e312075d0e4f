// What every handler gets: the rest of Platen, the bounds, and the request.
#pragma once

#include <httplib.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "events/envelope.hpp"
#include "http/connection/capacity.hpp"
#include "http/connection/departures.hpp"
#include "http/connection/signal.hpp"
#include "http/request/envelope.hpp"
#include "http/request/errors.hpp"
#include "http/request/idempotency.hpp"
#include "http/request/route_table.hpp"
#include "http/routes/keys_in_flight.hpp"
#include "http/scope/scoped_certificates.hpp"
#include "http/scope/scoped_control.hpp"
#include "http/server.hpp"

namespace platen::http {

// What all scopes share: the bounds of the whole server. Its members are thread-safe.
struct shared_bounds {
  explicit shared_bounds(const limits& bounds);

  signal stopping;  // raised once, for good
  capacity waiting;
  capacity followers;
  capacity audits;
  capacity uploads;
  capacity body_memory;
  keys_in_flight keys;
  departures departed;
};

// What a handler gets for the requests of one scope. Shared by all connections; its members are
// thread-safe.
struct api {
 private:
  scoped_control control_;

 public:
  api(const options& how, const dependencies& all, std::string scope_name, shared_bounds& shared);

  const scope of;
  const options how;      // base_domain is the scope's
  const dependencies on;  // the scope's control; no certificates, see below
  std::optional<scoped_certificates> certificates;  // absent: there is no gateway
  actors::control_plane& host;                      // all scopes: for the operator's routes only

  signal& stopping;
  capacity& waiting;
  capacity& followers;
  capacity& audits;
  capacity& uploads;
  capacity& body_memory;
  keys_in_flight& keys;
  departures& departed;
};

// One for each scope that has a token, and the operator's.
class apis {
 public:
  apis(const options& how, const dependencies& on);

  api& of(const std::string& scope) { return *by_scope_.at(scope); }
  api& operators() { return of(""); }

 private:
  shared_bounds shared_;
  std::map<std::string, std::unique_ptr<api>> by_scope_;
};

struct api_request {
  const httplib::Request& http;
  std::string path_argument;  // what stands for the pattern's first "{...}"; empty without one
  events::cause why;
  std::optional<keyed_run> key;  // absent: the request has no Idempotency-Key
};

template <class T>
using answer_or_error = tl::expected<T, request_error>;
using handler = std::function<answer_or_error<reply>(api&, const api_request&)>;

// Registers a handler for the paths of `pattern`, see route_table; it is called with the api of the
// request's scope. For every method but GET, an Idempotency-Key has its effect.
void route(route_table& on, apis& with, method how, const std::string& pattern, handler serve,
           audience open_to = audience::everybody);

void add_instance_routes(route_table& on, apis& with);
void add_template_routes(route_table& on, apis& with);
void add_autoscale_routes(route_table& on, apis& with);
void add_service_routes(route_table& on, apis& with);
void add_certificate_routes(route_table& on, apis& with);
void add_factory_routes(route_table& on, apis& with);
void add_image_routes(route_table& on, apis& with);
void add_event_routes(route_table& on, apis& with);
void add_audit_routes(route_table& on, apis& with);
void add_health_routes(route_table& on, apis& with);
void add_metrics_routes(route_table& on, apis& with);
void add_quota_routes(route_table& on, apis& with);
void add_openapi_route(route_table& on);

}  // namespace platen::http
