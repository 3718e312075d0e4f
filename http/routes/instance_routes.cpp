#include "http/routes/instance_routes.hpp"

#include "http/routes/entity_kind.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/output.hpp"

namespace platen::http {

void add_instance_routes(httplib::Server& on, api& with) {
  const std::string all = "/v1/instances";
  const std::string one = all + "/([^/]+)";
  route(on, with, method::get, all + "/wait", wait_for_instances);
  route(on, with, method::get, one + "/wait", wait_for_instances);
  route(on, with, method::post, one + "/wait", wait_for_instances);
  route(on, with, method::get, all + "/log", read_output<instance_kind>);
  route(on, with, method::get, one + "/log", read_output<instance_kind>);
  route(on, with, method::put, all + "/start", start_instances);
  route(on, with, method::put, one + "/start", start_instances);
  route(on, with, method::put, all + "/stop", stop_instances);
  route(on, with, method::put, one + "/stop", stop_instances);
  route(on, with, method::post, all, create_instances);
  route(on, with, method::get, all, look_up<instance_kind>);
  route(on, with, method::get, one, look_up<instance_kind>);
  route(on, with, method::del, all, delete_instances);
  route(on, with, method::del, one, delete_instances);
}

}  // namespace platen::http
