// What every handler gets: the rest of Platen, the bounds, and the request.
#pragma once

#include <httplib.h>

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "events/envelope.hpp"
#include "http/connection/capacity.hpp"
#include "http/connection/signal.hpp"
#include "http/request/envelope.hpp"
#include "http/request/errors.hpp"
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
  capacity uploads;
  capacity body_memory;
};

struct api_request {
  const httplib::Request& http;
  std::string path_argument;  // what the pattern's group matched; empty without one
  events::cause why;
};

template <class T>
using answer_or_error = tl::expected<T, request_error>;
using handler = std::function<answer_or_error<reply>(api&, const api_request&)>;

enum class method { get, post, put, del };

// Registers a handler for the paths that match `pattern`, a regular expression.
void route(httplib::Server& on, api& with, method how, const std::string& pattern, handler serve);

void add_instance_routes(httplib::Server& on, api& with);
void add_template_routes(httplib::Server& on, api& with);
void add_image_routes(httplib::Server& on, api& with);
void add_event_routes(httplib::Server& on, api& with);
void add_health_routes(httplib::Server& on, api& with);

}  // namespace platen::http
