#include "http/routes/entity_kind.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/time.hpp"

namespace platen::http {
namespace {

struct no_options {};

// The snapshots it descends from, the newest first. Of a template that is deleted by now only its
// name is known, and nothing of those below.
json_object history_of(const actors::control_plane& in, const actors::instance::state& value) {
  auto all = json_object::array();
  auto id = value.template_id;
  auto name = value.template_name;
  while (!id.empty()) {
    json_object one{{"uuid", id}, {"name", name}};
    const auto of = in.find_template({id, ""});
    if (of && of->ready) one["created_at"] = to_seconds_text(of->ready->taken_us);
    all.push_back(std::move(one));
    if (!of) break;
    id = of->parent_id;
    name = of->parent_name;
  }
  return all;
}

}  // namespace

answer_or_error<reply> read_history(api& with, const api_request& request) {
  const auto targets = target_list<no_options>::read(
      source_of(with, request), [](query_reader&, no_options&) {},
      [](object_reader&, no_options&) {});
  if (!targets) return tl::unexpected(targets.error());
  if (targets->empty()) return tl::unexpected(no_target(instance_kind::noun));
  item_list items("instances");
  for (const auto& [which, ignored] : *targets) {
    const auto found = with.on.control.find_instance(which);
    if (!found) {
      items.failed(to_json(which), missing(instance_kind::noun, which), item_code::not_found);
      continue;
    }
    auto fields = basics(*found);
    fields["history"] = history_of(with.on.control, *found);
    items.succeeded(std::move(fields));
  }
  return std::move(items).finish();
}

}  // namespace platen::http
