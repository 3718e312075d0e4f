#include "actors/wall_clock.hpp"
#include "events/json.hpp"
#include "http/view/entity_view.hpp"
#include "http/view/public_state.hpp"
#include "http/view/spec_view.hpp"
#include "http/view/time.hpp"

namespace platen::http {
namespace {

using actors::instance::lifecycle;
using actors::instance::state;

void put_end(const state& value, json_object& into) {
  if (value.last_stop && value.phase == lifecycle::stopped) {
    into["stop_reason"] = stop_reason(value);
    if (value.last_stop->exit_known) into["exit_code"] = value.last_stop->exit_code;
  }
  if (value.last_failure) into["failure"] = failure_json(*value.last_failure);
  if (value.suspended_attempt != 0)
    into["suspended"] = {{"attempt", value.suspended_attempt},
                         {"state_bytes", value.suspended_bytes}};
  if (value.last_setback) into["setback"] = failure_json(*value.last_setback);
}

}  // namespace

void put_times(const state& value, json_object& into) {
  into["start_count"] = value.start_count;
  into["restart_count"] = value.restarts;
  if (value.restart_at_us != 0)
    into["restart"] = {{"attempt", value.restarts},
                       {"next_at", to_seconds_text(value.restart_at_us)}};
  if (value.started_us > 0) into["started_at"] = to_seconds_text(value.started_us);
  if (value.stopped_us > 0) into["stopped_at"] = to_seconds_text(value.stopped_us);
  if (value.phase != lifecycle::running) return;
  into["uptime_ms"] =
      std::max<std::int64_t>(0, (actors::wall_clock_us() - value.started_us) / 1000);
  if (value.requested_us > 0 && value.started_us >= value.requested_us)
    into["boot_time_us"] = value.started_us - value.requested_us;
}

json_object to_json(const state& value, const actors::vm_template::state* of) {
  auto into = with_state(value);
  constexpr std::size_t usual_members = 32;
  make_room(into, usual_members);
  into["created_at"] = to_seconds_text(value.created_us);
  const bool shows_own = !value.spec.image.empty() || of == nullptr;
  put_frozen_parts(shows_own ? value.spec : of->spec, into);
  put_own_parts(value.spec, into);
  put_settings(value.spec, into);
  into["delete_lock"] = value.delete_lock;
  into["autokill"] = {{"time_ms", value.spec.autokill_ms}};
  if (value.spec.autokill_requests != 0)
    into["autokill"]["num_requests"] = value.spec.autokill_requests;
  into["type"] = "micro";
  put_times(value, into);
  put_services(value.spec, into);
  if (!value.template_id.empty())
    into["template"] = {{"uuid", value.template_id}, {"name", value.template_name}};
  into["lifecycle"] = to_string(value.phase);
  into["lifecycle_since"] = events::to_rfc3339(value.phase_since_us);
  into["attempt"] = value.attempt;
  if (!value.accelerator.empty()) into["accelerator"] = value.accelerator;
  if (value.pid != 0) into["pid"] = value.pid;
  if (!value.generation_id.empty()) into["generation_id"] = value.generation_id;
  put_end(value, into);
  return into;
}

int stop_reason(const state& value) {
  if (value.last_stop->by_user) {
    if (value.force_stop) return 4 | 8 | 16;
    return value.last_stop->exit_known ? 1 | 2 | 4 | 8 : 1 | 4 | 8;
  }
  return value.last_stop->exit_known ? 1 | 2 : 1;
}

json_object basics(const state& value) {
  return {{"uuid", value.id}, {"name", value.name}};
}

json_object with_state(const state& value) {
  auto into = basics(value);
  into["state"] = public_state(value.phase);
  return into;
}

json_object failure_json(const actors::instance::failure& value) {
  return {{"stage", value.stage},
          {"reason", value.reason},
          {"console_tail", value.console_tail},
          {"at", events::to_rfc3339(value.at_us)}};
}

json_object to_json(const actors::reference& which) {
  if (!which.uuid.empty()) return {{"uuid", which.uuid}};
  return {{"name", which.name}};
}

}  // namespace platen::http
