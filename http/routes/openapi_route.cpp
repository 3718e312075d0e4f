#include "http/openapi_text.hpp"
#include "http/routes/api.hpp"

namespace platen::http {

void add_openapi_route(route_table& on) {
  on.add(method::get, "/v1/openapi.json", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(openapi_text, sizeof openapi_text - 1, "application/json");
  });
}

}  // namespace platen::http
