#include "http/routes/bulk_command.hpp"
#include "http/routes/earlier_run.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

struct delete_options {};

// A deletion is answered once it is durable and nothing deleted is retained, so both members ask
// for what happens anyway.
template <class Reader>
void read_delete_options(Reader& reader, delete_options&) {
  reader.integer("timeout_s", -1, wait_seconds_limit);
  reader.boolean("dont_retain");
}

}  // namespace

answer_or_error<reply> delete_instances(api& with, const api_request& request) {
  const auto targets =
      target_list<delete_options>::read(source_of(with, request), read_delete_options<query_reader>,
                                        read_delete_options<object_reader>);
  if (!targets) return tl::unexpected(targets.error());
  const auto all = command_all<instance_kind>(
      with, *targets,
      [&](const std::string& uuid, const delete_options&, auto done) {
        with.on.control.delete_instance(uuid, request.why, std::move(done));
      },
      [&](const actors::reference& which) {
        return deleted_by_earlier_run<instance_kind>(with, request, which);
      });
  if (!all) return tl::unexpected(all.error());
  item_list items("instances");
  for (const auto& one : *all) {
    if (!one.after) {
      add_refused(items, one);
      continue;
    }
    auto fields = basics(*one.before);
    fields["previous_state"] = public_state(one.before->phase);
    items.succeeded(std::move(fields));
  }
  return std::move(items).finish();
}

}  // namespace platen::http
