#include "events/hash.hpp"
#include "http/create/vm_spec_reader.hpp"
#include "http/request/targets.hpp"
#include "http/routes/api.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

// Users have no uuid: this one is always the same for the same scope, or operator's token.
std::string uuid_of(const scope& of, const std::string& principal) {
  const auto user = of.is_operators() ? principal : "scope:" + of.name();
  auto digits = events::to_hex(events::sha256_of(user)).substr(0, 32);
  for (const std::size_t dash : {8, 13, 18, 23})
    digits.insert(dash, "-");
  return digits;
}

json_object used(const actors::control_plane& control) {
  std::uint64_t live = 0;
  std::uint64_t vcpus = 0;
  std::uint64_t memory_mb = 0;
  const auto all = control.instances();
  for (const auto& one : all) {
    if (public_state(one->phase) == "stopped") continue;
    const auto of =
        one->spec.image.empty() ? control.find_template({one->template_id, ""}) : nullptr;
    const auto& spec = of ? of->spec : one->spec;
    ++live;
    vcpus += spec.vcpus;
    memory_mb += spec.memory_mb;
  }
  std::uint64_t services = 0;
  const auto groups = control.groups();
  for (const auto& group : groups)
    services += group->how.services.size();
  return {{"instances", all.size()},
          {"live_instances", live},
          {"live_vcpus", vcpus},
          {"live_memory_mb", memory_mb},
          {"service_groups", groups.size()},
          {"services", services},
          {"volumes", 0},
          {"total_volume_mb", 0}};
}

// Only the numbers of instances and groups are bounded by themselves; the others follow from them.
json_object hard(const options& how) {
  const auto instances = how.max_instances;
  return {{"instances", instances},
          {"live_instances", instances},
          {"live_vcpus", instances * static_cast<std::size_t>(vcpus_most)},
          {"live_memory_mb", instances * static_cast<std::size_t>(memory_mb_most)},
          {"service_groups", how.max_service_groups},
          {"services", how.max_service_groups * actors::service_group::services_limit},
          {"volumes", 0},
          {"total_volume_mb", 0}};
}

json_object limits_of_one() {
  return {{"min_memory_mb", memory_mb_least},
          {"max_memory_mb", memory_mb_most},
          {"min_vcpus", 1},
          {"max_vcpus", vcpus_most},
          {"min_volume_mb", 0},
          {"max_volume_mb", 0},
          {"min_autoscale_size", 0},
          {"max_autoscale_size", actors::service_group::autoscale_size_limit}};
}

answer_or_error<reply> read_quotas(api& with, const api_request& request) {
  if (const auto fault = fault_of_bare_request(request.http.target, request.http.body))
    return tl::unexpected(*fault);
  item_list items("quotas");
  items.succeeded({{"uuid", uuid_of(with.of, request.why.principal)},
                   {"used", used(with.on.control)},
                   {"hard", hard(with.how)},
                   {"limits", limits_of_one()}});
  return std::move(items).finish();
}

}  // namespace

void add_quota_routes(route_table& on, apis& with) {
  route(on, with, method::get, "/v1/users/quotas", read_quotas);
}

}  // namespace platen::http
