#include "http/routes/entity_kind.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/time.hpp"

namespace platen::http {
namespace {

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
  const auto targets = plain_targets(with, request);
  if (!targets) return tl::unexpected(targets.error());
  if (targets->empty()) return tl::unexpected(no_target(instance_kind::noun));
  item_list items("instances");
  add_found<instance_kind>(items, with.on.control, *targets,
                           [&](const actors::instance::state& one) {
                             auto fields = basics(one);
                             fields["history"] = history_of(with.on.control, one);
                             return fields;
                           });
  return std::move(items).finish();
}

}  // namespace platen::http
