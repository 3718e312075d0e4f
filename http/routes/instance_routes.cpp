#include "http/routes/instance_routes.hpp"

#include "http/routes/entity_kind.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/output.hpp"
#include "http/routes/patch.hpp"

namespace platen::http {
namespace {

answer_or_error<reply> change_instances(api& with, const api_request& request) {
  return patch_all<instance_kind, actors::instance::change>(
      with, request, [&](const std::string& uuid, const auto& what, auto done) {
        with.on.control.change_instance(uuid, what, request.why, std::move(done));
      });
}

}  // namespace

void add_instance_routes(route_table& on, apis& with) {
  const std::string all = "/v1/instances";
  const std::string one = all + "/{uuid}";
  route(on, with, method::get, all + "/wait", wait_for_instances);
  route(on, with, method::get, one + "/wait", wait_for_instances);
  route(on, with, method::post, one + "/wait", wait_for_instances);
  route(on, with, method::get, all + "/log", read_output<instance_kind>);
  route(on, with, method::get, one + "/log", read_output<instance_kind>);
  route(on, with, method::get, all + "/history", read_history);
  route(on, with, method::get, one + "/history", read_history);
  route(on, with, method::get, all + "/metrics", read_metrics);
  route(on, with, method::get, one + "/metrics", read_metrics);
  route(on, with, method::post, one + "/metrics", read_metrics);
  route(on, with, method::put, all + "/start", start_instances);
  route(on, with, method::put, one + "/start", start_instances);
  route(on, with, method::put, all + "/stop", stop_instances);
  route(on, with, method::put, one + "/stop", stop_instances);
  route(on, with, method::put, all + "/suspend", suspend_instances);
  route(on, with, method::put, one + "/suspend", suspend_instances);
  route(on, with, method::post, all, create_instances);
  route(on, with, method::get, all, look_up<instance_kind>);
  route(on, with, method::get, one, look_up<instance_kind>);
  route(on, with, method::patch, all, change_instances);
  route(on, with, method::patch, one, change_instances);
  route(on, with, method::del, all, delete_instances);
  route(on, with, method::del, one, delete_instances);
}

}  // namespace platen::http
