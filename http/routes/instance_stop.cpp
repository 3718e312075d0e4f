#include "http/routes/bulk_command.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

struct stop_options {
  bool force = false;
};

template <class Reader>
void read_stop_options(Reader& reader, stop_options& into) {
  into.force = reader.boolean("force").value_or(into.force);
  const auto drain = reader.integer("drain_timeout_ms", -1, wait_seconds_limit * 1000);
  if (drain && into.force) reader.report("drain_timeout_ms", "cannot be given with 'force'");
  if (drain && *drain != 0)
    reader.report("drain_timeout_ms",
                  "other than 0 is not supported yet: services forward plain "
                  "TCP and do not know their connections");
  reader.not_supported_yet({"quick", "ifstate", "dump"});
}

struct suspend_options {};

template <class Reader>
void read_suspend_options(Reader& reader, suspend_options&) {
  const auto drain = reader.integer("drain_timeout_ms", -1, wait_seconds_limit * 1000);
  if (drain && *drain != 0)
    reader.report("drain_timeout_ms",
                  "other than 0 is not supported yet: an instance is suspended at once");
}

template <class Options>
reply with_previous_state(const std::vector<commanded<instance_kind, Options>>& all) {
  item_list items("instances");
  for (const auto& one : all) {
    if (!one.after) {
      add_refused(items, one);
      continue;
    }
    auto fields = with_state(**one.after);
    fields["previous_state"] = public_state(one.before->phase);
    items.succeeded(std::move(fields));
  }
  return std::move(items).finish();
}

}  // namespace

answer_or_error<reply> stop_instances(api& with, const api_request& request) {
  const auto targets = target_list<stop_options>::read(
      source_of(with, request), read_stop_options<query_reader>, read_stop_options<object_reader>);
  if (!targets) return tl::unexpected(targets.error());
  const auto all = command_all<instance_kind>(
      with, *targets, [&](const std::string& uuid, const stop_options& options, auto done) {
        with.on.control.stop_instance(uuid, {options.force, 0}, request.why, std::move(done));
      });
  if (!all) return tl::unexpected(all.error());
  return with_previous_state(*all);
}

answer_or_error<reply> suspend_instances(api& with, const api_request& request) {
  const auto targets = target_list<suspend_options>::read(source_of(with, request),
                                                          read_suspend_options<query_reader>,
                                                          read_suspend_options<object_reader>);
  if (!targets) return tl::unexpected(targets.error());
  const auto all = command_all<instance_kind>(
      with, *targets, [&](const std::string& uuid, const suspend_options&, auto done) {
        with.on.control.suspend_instance(uuid, request.why, std::move(done));
      });
  if (!all) return tl::unexpected(all.error());
  return with_previous_state(*all);
}

}  // namespace platen::http
