#include <map>

#include "http/routes/entity_kind.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/disk_view.hpp"
#include "http/view/metrics_view.hpp"

namespace platen::http {
namespace {

std::map<std::string, gateway::load> loads_of(const api& with) {
  if (with.on.traffic == nullptr) return {};
  return gateway::by_instance(with.on.traffic->loads());
}

reply as_text(const std::vector<json_object>& all) {
  prometheus_text text;
  for (const auto& one : all)
    add_samples(text, one);
  reply made;
  made.text = std::move(text).finish();
  return made;
}

}  // namespace

answer_or_error<reply> read_metrics(api& with, const api_request& request) {
  const auto targets = plain_targets(with, request);
  if (!targets) return tl::unexpected(targets.error());
  const auto& control = with.on.control;
  const auto loads = loads_of(with);
  std::vector<json_object> found;
  const auto show = [&](const actors::instance::state& one) {
    const auto of =
        one.template_id.empty() ? nullptr : control.find_template({one.template_id, ""});
    const auto load = loads.find(one.id);
    auto& fields = found.emplace_back(
        metrics_json(one, of.get(), load == loads.end() ? nullptr : &load->second));
    put_disk_metrics(control.disk_use(one.id), fields);
    return fields;
  };
  item_list items("instances");
  if (targets->empty())
    for (const auto& one : control.instances())
      items.succeeded(show(*one));
  add_found<instance_kind>(items, control, *targets, show);
  const bool all_found = found.size() == items.size();
  const auto accepted = request.http.get_header_value("Accept");
  // The text has no place for what failed.
  if (all_found && accepted.find("application/json") == std::string::npos) return as_text(found);
  return std::move(items).finish();
}

}  // namespace platen::http
