#include "http/create/settings_reader.hpp"
#include "http/routes/bulk_command.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/waiting.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

using actors::instance::lifecycle;
using actors::instance::state;

// Without a time the call blocks until it is a template: a snapshot takes seconds.
struct convert_options {
  wait_time wait{std::nullopt};
  std::uint64_t autokill_ms = 0;
};

using converted = commanded<instance_kind, convert_options>;

std::string reason_not_converted(const state& value) {
  if (value.last_setback) return value.last_setback->stage + ": " + value.last_setback->reason;
  return reason_not_running(value);
}

// The request is repeated, and by now there is only the template.
actors::instance_ptr converted_by_earlier_run(const api& with, const api_request& request,
                                              const actors::reference& which) {
  if (!request.key || request.key->earlier_run == 0) return nullptr;
  const auto made = with.on.control.find_template(which);
  if (!made || made->converted_from.empty()) return nullptr;
  auto was = std::make_shared<state>();
  was->id = made->id;
  was->name = made->name;
  was->phase = lifecycle::converted;
  return was;
}

void add_item(api& with, item_list& into, const converted& one, const wait_end& end) {
  if (!one.after) return add_refused(into, one);
  auto latest = *one.after;
  const auto is_over = [](const state& value) { return value.phase != lifecycle::converting; };
  if (one.of.options.wait.waits())
    if (auto waited = with.on.control.wait_instance(latest->id, is_over, end.deadline, end.left))
      latest = std::move(waited);
  // It may have been one before the wait began.
  if (!is_over(*latest) && with.on.control.find_template({latest->id, ""})) {
    auto done = *latest;
    done.phase = lifecycle::converted;
    return into.succeeded(with_state(done));
  }
  auto fields = with_state(*latest);
  if (latest->phase == lifecycle::converted) return into.succeeded(std::move(fields));
  if (!is_over(*latest)) {
    if (!one.of.options.wait.waits()) return into.succeeded(std::move(fields));
    if (interrupted(with, end)) into.interrupted();
    return into.timed_out(std::move(fields));
  }
  fields["lifecycle"] = to_string(latest->phase);
  into.failed(std::move(fields), reason_not_converted(*latest), item_code::failed_operation);
}

}  // namespace

answer_or_error<reply> convert_instances(api& with, const api_request& request) {
  const auto targets = target_list<convert_options>::read(
      source_of(with, request), [](query_reader&, convert_options&) {},
      [](object_reader& item, convert_options& into) {
        const auto seconds = item.integer("timeout_s", -1, wait_seconds_limit).value_or(-1);
        if (seconds >= 0) into.wait.bound = std::chrono::seconds(seconds);
        into.autokill_ms = read_autokill_ms(item, "autokill");
      });
  if (!targets) return tl::unexpected(targets.error());
  const auto waiting = begin_waits(with, *targets);
  if (!waiting) return tl::unexpected(waiting.error());
  const auto all = command_all<instance_kind>(
      with, *targets,
      [&](const std::string& uuid, const convert_options& options, auto done) {
        with.on.control.convert_instance(uuid, options.autokill_ms, request.why, std::move(done));
      },
      [&](const actors::reference& which) {
        return converted_by_earlier_run(with, request, which);
      });
  if (!all) return tl::unexpected(all.error());
  item_list items("instances");
  for (std::size_t i = 0; i < all->size(); ++i)
    add_item(with, items, (*all)[i], waiting->ends[i]);
  return std::move(items).finish();
}

}  // namespace platen::http
