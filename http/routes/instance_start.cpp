#include "http/routes/bulk_command.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/waiting.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

struct start_options {
  wait_time wait{std::chrono::milliseconds(0)};
};

using started = commanded<instance_kind, start_options>;

json_object started_fields(const actors::instance::state& latest,
                           const actors::instance::state& before) {
  auto fields = with_state(latest);
  fields["previous_state"] = public_state(before.phase);
  return fields;
}

void add_item(api& with, item_list& into, const started& one, const wait_end& end) {
  if (!one.after) return add_refused(into, one);
  const auto& begun = **one.after;
  if (!one.of.options.wait.waits()) return into.succeeded(started_fields(begun, *one.before));
  const auto latest = await_settled(with, begun.id, end);
  const auto& shown = latest ? *latest : begun;
  add_started(with, into, shown, one.before->start_count, end, started_fields(shown, *one.before));
}

}  // namespace

answer_or_error<reply> start_instances(api& with, const api_request& request) {
  std::vector<std::string> warnings;
  const auto read_options = [&](auto& reader, start_options& into) {
    into.wait = read_wait_time(reader, "wait_timeout_ms", warnings).value_or(into.wait);
  };
  const auto targets =
      target_list<start_options>::read(source_of(with, request), read_options, read_options);
  if (!targets) return tl::unexpected(targets.error());

  const auto waiting = begin_waits(with, *targets);
  if (!waiting) return tl::unexpected(waiting.error());
  const auto all = command_all<instance_kind>(
      with, *targets, [&](const std::string& uuid, const start_options&, auto done) {
        with.on.control.start_instance(uuid, request.why, std::move(done));
      });
  if (!all) return tl::unexpected(all.error());
  item_list items("instances");
  items.warn(std::move(warnings));
  for (std::size_t i = 0; i < all->size(); ++i)
    add_item(with, items, (*all)[i], waiting->ends[i]);
  return std::move(items).finish();
}

}  // namespace platen::http
