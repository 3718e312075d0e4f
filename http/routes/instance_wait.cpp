#include <array>

#include "http/routes/entity_kind.hpp"
#include "http/routes/instance_routes.hpp"
#include "http/routes/lookup.hpp"
#include "http/routes/waiting.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

using actors::instance::state;

// A bare wait does not block: the API leaves the default open.
struct wait_options {
  std::string state = "running";
  wait_time wait{std::chrono::milliseconds(0)};
};

constexpr std::array<std::string_view, 8> reachable = {
    "running", "stopped", "starting", "draining", "stopping", "standby", "template", "deleted"};
constexpr std::array<std::string_view, 1> never_entered = {"checkpoint"};

bool contains(const auto& all, std::string_view one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

template <class Reader>
void read_wait_options(Reader& reader, wait_options& into, std::vector<std::string>& warnings) {
  into.state = reader.text("state", 32).value_or(into.state);
  if (contains(never_entered, into.state))
    reader.report("state", "'" + into.state + "' is not supported yet: no instance enters it");
  else if (!contains(reachable, into.state))
    reader.report(
        "state",
        "must be running, stopped, starting, draining, stopping, standby, template or deleted");
  into.wait = read_wait_time(reader, "timeout_ms", warnings).value_or(into.wait);
}

// A wait for a running instance ends when nothing brings it there any more.
bool ends_wait(const state& value, const std::string& wanted) {
  if (public_state(value.phase) == wanted) return true;
  return wanted == "running" && actors::instance::settled(value);
}

void add_item(api& with, item_list& into, const state& latest, const std::string& wanted,
              const wait_end& end) {
  auto fields = with_state(latest);
  if (public_state(latest.phase) == wanted) return into.succeeded(std::move(fields));
  const bool deleted = forgettable(latest);
  if (deleted || ends_wait(latest, wanted)) {
    fields["lifecycle"] = to_string(latest.phase);
    if (latest.last_failure) fields["failure"] = failure_json(*latest.last_failure);
    return into.failed(std::move(fields), reason_not_running(latest), std::nullopt);
  }
  if (interrupted(with, end)) into.interrupted();
  into.timed_out(std::move(fields));
}

void wait_for(api& with, item_list& into, const target<wait_options>& one, const wait_end& end) {
  const auto& wanted = one.options.state;
  auto found = with.on.control.find_instance(one.which);
  if (found && one.options.wait.waits())
    found = with.on.control.wait_instance(
        found->id, [&](const state& value) { return ends_wait(value, wanted); }, end.deadline,
        end.left);
  if (!found)
    return into.failed(to_json(one.which), missing(instance_kind::noun, one.which),
                       item_code::not_found);
  add_item(with, into, *found, wanted, end);
}

}  // namespace

answer_or_error<reply> wait_for_instances(api& with, const api_request& request) {
  std::vector<std::string> warnings;
  const auto read_options = [&](auto& reader, wait_options& into) {
    read_wait_options(reader, into, warnings);
  };
  const auto targets =
      target_list<wait_options>::read(source_of(with, request), read_options, read_options);
  if (!targets) return tl::unexpected(targets.error());
  if (targets->empty()) return tl::unexpected(no_target(instance_kind::noun));

  const auto waiting = begin_waits(with, *targets);
  if (!waiting) return tl::unexpected(waiting.error());
  item_list items("instances");
  items.warn(std::move(warnings));
  for (std::size_t i = 0; i < targets->size(); ++i)
    wait_for(with, items, (*targets)[i], waiting->ends[i]);
  return std::move(items).finish();
}

}  // namespace platen::http
