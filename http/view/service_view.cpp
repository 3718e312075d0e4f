#include "http/view/entity_view.hpp"
#include "http/view/spec_view.hpp"
#include "http/view/time.hpp"

namespace platen::http {

using actors::service_group::state;

json_object basics(const state& value) {
  return {{"uuid", value.id}, {"name", value.name}};
}

json_object domains_json(const state& value) {
  auto all = json_object::array();
  for (const auto& domain : value.how.domains) {
    json_object one{{"fqdn", domain.name}};
    if (!domain.certificate.empty()) one["certificate"] = {{"uuid", domain.certificate}};
    all.push_back(std::move(one));
  }
  return all;
}

json_object to_json(const actors::control_plane& in, const state& value) {
  auto into = basics(value);
  into["created_at"] = to_seconds_text(value.created_us);
  into["persistent"] = value.persistent;
  into["autoscale"] = value.scaling.has_value();
  into["soft_limit"] = value.how.soft_limit;
  into["hard_limit"] = value.how.hard_limit;
  into["services"] = json_object::array();
  for (const auto& service : value.how.services)
    into["services"].push_back({{"port", service.port},
                                {"destination_port", service.destination_port},
                                {"protocol", "tcp"},
                                {"handlers", service.handlers}});
  into["domains"] = domains_json(value);
  into["instances"] = json_object::array();
  for (const auto& id : value.instances)
    if (const auto one = in.find_instance({id, ""})) into["instances"].push_back(basics(*one));
  if (value.how.autokill_ms > 0) into["autokill"] = {{"time_ms", value.how.autokill_ms}};
  return into;
}

}  // namespace platen::http
