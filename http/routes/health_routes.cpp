#include "http/request/query_reader.hpp"
#include "http/routes/api.hpp"

namespace platen::http {
namespace {

std::map<std::string, std::string> checks(const api& with) {
  if (with.how.health) return with.how.health();
  return {{"log", "healthy"}, {"hypervisor", "healthy"}};
}

answer_or_error<reply> healthz(api& with, const api_request& request) {
  first_problem problem;
  query_reader(request.http.target, problem).refuse_others();
  if (problem.found()) return tl::unexpected(*problem.error());
  json_object data;
  data["checks"] = checks(with);
  data["versions"] = {{"platen", with.how.version}};
  data["hypervisor"] = with.how.hypervisor;
  data["accelerator"] = with.how.accelerator;
  return success(std::move(data));
}

}  // namespace

void add_health_routes(route_table& on, apis& with) {
  route(on, with, method::get, "/v1/healthz", healthz);
}

}  // namespace platen::http
