#include <map>

#include "http/routes/entity_kind.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/disk_view.hpp"
#include "http/view/metrics_view.hpp"

namespace platen::http {
namespace {

struct no_options {};

std::map<std::string, gateway::load> loads_of(const api& with) {
  std::map<std::string, gateway::load> all;
  if (with.on.traffic == nullptr) return all;
  for (auto& one : with.on.traffic->loads())
    all.emplace(one.instance_id, std::move(one));
  return all;
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
  const auto targets = target_list<no_options>::read(
      source_of(with, request), [](query_reader&, no_options&) {},
      [](object_reader&, no_options&) {});
  if (!targets) return tl::unexpected(targets.error());
  const auto& control = with.on.control;
  const auto loads = loads_of(with);
  const auto show = [&](const actors::instance::state& one) {
    const auto of =
        one.template_id.empty() ? nullptr : control.find_template({one.template_id, ""});
    const auto load = loads.find(one.id);
    auto fields = metrics_json(one, of.get(), load == loads.end() ? nullptr : &load->second);
    put_disk_metrics(control.disk_use(one.id), fields);
    return fields;
  };
  std::vector<json_object> found;
  item_list items("instances");
  bool all_found = true;
  const auto add = [&](const actors::instance_ptr& one) {
    found.push_back(show(*one));
    items.succeeded(found.back());
  };
  if (targets->empty())
    for (const auto& one : control.instances())
      add(one);
  for (const auto& [which, ignored] : *targets) {
    if (const auto one = control.find_instance(which)) {
      add(one);
    } else {
      items.failed(to_json(which), missing(instance_kind::noun, which), item_code::not_found);
      all_found = false;
    }
  }
  const auto accepted = request.http.get_header_value("Accept");
  // The text has no place for what failed.
  if (all_found && accepted.find("application/json") == std::string::npos) return as_text(found);
  return std::move(items).finish();
}

}  // namespace platen::http
