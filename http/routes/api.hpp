// What every handler gets: the rest of Platen, the bounds, and the request.
#pragma once

#include <httplib.h>

#include <functional>
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
#include "http/server.hpp"

namespace platen::http {

// Shared by all connections; its members are thread-safe.
struct api {
  api(options how, dependencies on);

  options how;
  dependencies on;
  signal stopping;  // raised once, for good
  capacity waiting;
  capacity followers;
  capacity audits;
  capacity uploads;
  capacity body_memory;
  keys_in_flight keys;
  departures departed;
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

// Registers a handler for the paths of `pattern`, see route_table. For every method but GET, an
// Idempotency-Key has its effect.
void route(route_table& on, api& with, method how, const std::string& pattern, handler serve);

void add_instance_routes(route_table& on, api& with);
void add_template_routes(route_table& on, api& with);
void add_autoscale_routes(route_table& on, api& with);
void add_service_routes(route_table& on, api& with);
void add_certificate_routes(route_table& on, api& with);
void add_factory_routes(route_table& on, api& with);
void add_image_routes(route_table& on, api& with);
void add_event_routes(route_table& on, api& with);
void add_audit_routes(route_table& on, api& with);
void add_health_routes(route_table& on, api& with);
void add_metrics_routes(route_table& on, api& with);
void add_quota_routes(route_table& on, api& with);
void add_openapi_route(route_table& on);

}  // namespace platen::http
