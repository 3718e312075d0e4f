#include "http/routes/bulk_command.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

// An hour. The reference has a maximum, which it does not name; -1 stands for it.
constexpr std::int64_t drain_limit_ms = 3'600'000;

template <class Reader>
std::optional<std::uint32_t> read_drain_ms(Reader& reader) {
  const auto drain = reader.integer("drain_timeout_ms", -1, drain_limit_ms);
  if (!drain) return std::nullopt;
  return static_cast<std::uint32_t>(*drain < 0 ? drain_limit_ms : *drain);
}

struct stop_options {
  bool force = false;
  std::uint32_t drain_ms = 0;
};

template <class Reader>
void read_stop_options(Reader& reader, stop_options& into) {
  into.force = reader.boolean("force").value_or(into.force);
  const auto drain = read_drain_ms(reader);
  if (drain && into.force) reader.report("drain_timeout_ms", "cannot be given with 'force'");
  into.drain_ms = drain.value_or(into.drain_ms);
  reader.not_supported_yet({"quick", "ifstate", "dump"});
}

struct suspend_options {
  std::uint32_t drain_ms = 0;
};

template <class Reader>
void read_suspend_options(Reader& reader, suspend_options& into) {
  into.drain_ms = read_drain_ms(reader).value_or(into.drain_ms);
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
        with.on.control.stop_instance(uuid, {options.force, 0, options.drain_ms}, request.why,
                                      std::move(done));
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
      with, *targets, [&](const std::string& uuid, const suspend_options& options, auto done) {
        with.on.control.suspend_instance(uuid, options.drain_ms, request.why, std::move(done));
      });
  if (!all) return tl::unexpected(all.error());
  return with_previous_state(*all);
}

}  // namespace platen::http
