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
  std::string path_argument;  // what the pattern's group matched; empty without one
  events::cause why;
  std::optional<keyed_run> key;  // absent: the request has no Idempotency-Key
};

template <class T>
using answer_or_error = tl::expected<T, request_error>;
using handler = std::function<answer_or_error<reply>(api&, const api_request&)>;

enum class method { get, post, put, patch, del };

// Registers a handler for the paths that match `pattern`, a regular expression. For every method
// but GET, an Idempotency-Key has its effect.
void route(httplib::Server& on, api& with, method how, const std::string& pattern, handler serve);

void add_instance_routes(httplib::Server& on, api& with);
void add_template_routes(httplib::Server& on, api& with);
// Before add_service_routes: the first pattern that matches is served.
void add_autoscale_routes(httplib::Server& on, api& with);
void add_service_routes(httplib::Server& on, api& with);
void add_certificate_routes(httplib::Server& on, api& with);
void add_image_routes(httplib::Server& on, api& with);
void add_event_routes(httplib::Server& on, api& with);
void add_audit_routes(httplib::Server& on, api& with);
void add_health_routes(httplib::Server& on, api& with);

}  // namespace platen::http
