// Routes by method and path, and the text that Prometheus reads.
#include <catch2/catch.hpp>

#include "http/request/route_table.hpp"
#include "http/view/prometheus.hpp"

using platen::http::method;
using platen::http::prometheus_text;
using platen::http::route_table;

namespace {

const auto nothing = [](const httplib::Request&, httplib::Response&) {};

}  // namespace

TEST_CASE("a route is found by method and path, with what stands for its arguments") {
  route_table routes;
  routes.add(method::get, "/v1/things", nothing);
  routes.add(method::get, "/v1/things/{uuid}", nothing);
  routes.add(method::get, "/v1/things/special", nothing);
  routes.add(method::del, "/v1/things/{uuid}/parts/{name}", nothing);

  CHECK(routes.find("GET", "/v1/things").to != nullptr);
  CHECK(routes.find("GET", "/v1/things").arguments.empty());
  CHECK(routes.find("HEAD", "/v1/things").to == routes.find("GET", "/v1/things").to);
  CHECK(routes.find("GET", "/v1/things/x").arguments == std::vector<std::string>{"x"});
  CHECK(routes.find("GET", "/v1/things/special").arguments.empty());
  CHECK(routes.find("DELETE", "/v1/things/x/parts/y").arguments ==
        std::vector<std::string>{"x", "y"});
}

TEST_CASE(
    "there is no route for another method, a longer or a shorter path, or an empty argument") {
  route_table routes;
  routes.add(method::get, "/v1/things/{uuid}/log", nothing);
  for (const auto* path : {"", "/", "v1", "/v1", "/v1/things/x", "/v1/things/x/log/",
                           "/v1/things//log", "/v1/things/x/log/more"}) {
    INFO(path);
    CHECK(routes.find("GET", path).to == nullptr);
  }
  CHECK(routes.find("POST", "/v1/things/x/log").to == nullptr);
  CHECK(routes.find("OPTIONS", "/v1/things/x/log").to == nullptr);
}

TEST_CASE("the names of routes are as they were added") {
  route_table routes;
  routes.add(method::put, "/b/{name}", nothing);
  routes.add(method::get, "/b", nothing);
  CHECK(routes.names() == std::vector<std::string>{"GET /b", "PUT /b/{name}"});
}

TEST_CASE("samples of a metric stand together, exact, with their labels escaped") {
  prometheus_text text;
  const auto gauge = prometheus_text::kind::gauge;
  text.add("a", gauge, "First.", 9007199254740991, {{"name", "x\"y\\z\n"}});
  text.add("b", prometheus_text::kind::counter, "Second.", 1.5);
  text.add("a", gauge, "Not told again.", 0, {{"name", "q"}, {"uuid", "u"}});
  CHECK(std::move(text).finish() ==
        "# HELP a First.\n# TYPE a gauge\n"
        "a{name=\"x\\\"y\\\\z\\n\"} 9007199254740991\n"
        "a{name=\"q\",uuid=\"u\"} 0\n"
        "# HELP b Second.\n# TYPE b counter\nb 1.5\n");
}
