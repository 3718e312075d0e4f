#include "events/json.hpp"
#include "http/view/entity_view.hpp"
#include "http/view/public_state.hpp"
#include "http/view/spec_view.hpp"
#include "http/view/time.hpp"

namespace platen::http {
namespace {

using actors::vm_template::state;

void put_clones(const state& value, json_object& into) {
  into["clones_in_flight"] = value.clones_in_flight.size();
  into["clone_count"] = value.clones_made;
  if (value.last_clone_us > 0) into["last_clone_at"] = events::to_rfc3339(value.last_clone_us);
}

void put_snapshot(const state& value, json_object& into) {
  if (!value.ready) return;
  into["snapshot"] = {{"uuid", value.ready->id},
                      {"memory_bytes", value.ready->memory_bytes},
                      {"state_bytes", value.ready->state_bytes},
                      {"disk_bytes", value.ready->disk_bytes},
                      {"taken_at", events::to_rfc3339(value.ready->taken_us)}};
}

std::string accelerator_of(const state& value) {
  if (!value.accelerator.empty()) return value.accelerator;
  return value.ready ? value.ready->accelerator : std::string();
}

}  // namespace

void put_warm(const state& value, const hypervisor::warm_pool_status& pool, json_object& into) {
  if (!value.ready || pool.limit_bytes == 0) return;
  hypervisor::warm_clones of_it;
  for (const auto& one : pool.snapshots)
    if (one.snapshot_id == value.ready->id) of_it = one;
  into["warm"] = {{"ready", of_it.ready},
                  {"wanted", of_it.wanted},
                  {"taken", of_it.taken},
                  {"missed", of_it.missed}};
}

void put_template_time(const state& value, json_object& into) {
  if (value.ready && value.ready->taken_us >= value.created_us)
    into["template_time_us"] = value.ready->taken_us - value.created_us;
}

json_object to_json(const state& value) {
  auto into = basics(value);
  constexpr std::size_t usual_members = 32;
  make_room(into, usual_members);
  into["state"] = public_state(value.phase);
  into["created_at"] = to_seconds_text(value.created_us);
  put_frozen_parts(value.spec, into);
  put_own_parts(value.spec, into);
  put_settings(value.spec, into);
  into["delete_lock"] = value.delete_lock;
  into["type"] = "micro";
  into["lifecycle"] = shown_lifecycle(value);
  into["lifecycle_since"] = events::to_rfc3339(value.phase_since_us);
  into["attempt"] = value.attempt;
  into["fingerprint"] = value.fingerprint;
  into["prepare_timeout_s"] = (value.prepare_timeout_ms + 999) / 1000;
  into["template_autokill"] = {{"time_ms", value.autokill_ms}};
  if (const auto accelerator = accelerator_of(value); !accelerator.empty())
    into["accelerator"] = accelerator;
  if (!value.parent_id.empty())
    into["template"] = {{"uuid", value.parent_id}, {"name", value.parent_name}};
  put_clones(value, into);
  put_snapshot(value, into);
  put_template_time(value, into);
  if (value.last_failure) into["failure"] = failure_json(*value.last_failure);
  return into;
}

json_object basics(const state& value) {
  return {{"uuid", value.id}, {"name", value.name}};
}

json_object failure_json(const actors::vm_template::failure& value) {
  return {{"attempt", value.attempt},
          {"stage", value.stage},
          {"reason", value.reason},
          {"console_tail", value.console_tail},
          {"at", events::to_rfc3339(value.at_us)},
          {"retry_after_ms", value.retry_after_ms}};
}

}  // namespace platen::http
