#include "http/view/audit_view.hpp"

#include <utility>

#include "events/json.hpp"
#include "http/view/entity_view.hpp"
#include "http/view/public_state.hpp"

namespace platen::http {
namespace {

using events::envelope;
using events::origin;

template <class... Types>
bool is_one_of(const events::event& what) {
  return (std::holds_alternative<Types>(what) || ...);
}

// Decisions to change something; everything else tells what became of one.
bool is_request(const events::event& what) {
  return is_one_of<events::template_requested, events::preparation_started,
                   events::template_deleted, events::instance_requested,
                   events::instance_start_requested, events::instance_boot_started,
                   events::instance_stop_requested, events::instance_deleted,
                   events::instance_suspend_requested, events::instance_resume_started,
                   events::instance_conversion_requested, events::instance_drain_started>(what);
}

// Ours are fewer than theirs; the precise one is in the log under the event's sequence.
std::string_view origin_name(origin source) {
  switch (source) {
    case origin::api:
      return "api";
    case origin::guest:
      return "guest";
    case origin::gateway:
      return "proxy";
    case origin::timer:
    case origin::reconcile:
    case origin::system:
      break;
  }
  return "system";
}

// What follows a drain is the doing of whoever asked for the drain.
bool ends_drain(const actors::instance::state& before, const envelope& event) {
  return before.phase == actors::instance::lifecycle::draining && event.why.source != origin::api;
}
bool ends_drain(const actors::vm_template::state&, const envelope&) {
  return false;
}

template <class State>
audited<State> evolve_any(audited<State> before, const envelope& event) {
  if (event.version == 1) before.owner = event.why.principal;
  if (is_request(event.what) && !ends_drain(before.now, event)) before.requested = event.why;
  before.now = evolve(std::move(before.now), event);
  before.now.spec = {};
  return before;
}

// `cause` is whose doing the change is; it may be an earlier event's than `event`.
json_object attribution(const envelope& event, const events::cause& cause, std::string_view kind,
                        std::string_view origin) {
  json_object into = json_object::object();
  if (!event.why.request_id.empty()) into["operation"] = event.why.request_id;
  into["kind"] = kind;
  const bool requested = is_request(event.what) && event.why.source == origin::api;
  into["trigger"] = requested ? "requested" : "observed";
  into["origin"] = origin;
  if (cause.source == origin::api) into["user"] = cause.principal;
  return into;
}

template <class State>
json_object object_json(const audited<State>& of, std::string_view type) {
  json_object into{{"type", type}, {"uuid", of.now.id}};
  if (!of.now.name.empty()) into["name"] = of.now.name;
  if (!of.owner.empty()) into["owner"] = of.owner;
  return into;
}

audit_document document(std::string_view type, const envelope& event, json_object object,
                        json_object why, json_object data) {
  json_object body{{"type", type}, {"timestamp", events::to_rfc3339(event.time_us)}};
  body["object"] = std::move(object);
  body["attribution"] = std::move(why);
  body["data"] = std::move(data);
  body["event"] = {{"sequence", event.sequence},
                   {"stream", event.stream},
                   {"type", events::type_name(event.what)}};
  return {type, std::move(body)};
}

template <class State>
bool is_known(const audited<State>& entity) {
  return entity.now.phase != decltype(entity.now.phase)::none;
}

template <class State>
json_object change(const audited<State>& before, const audited<State>& after) {
  json_object into = json_object::object();
  if (is_known(before)) into["prev"] = public_state(before.now.phase);
  into["new"] = public_state(after.now.phase);
  return into;
}

template <class State>
bool shows_change(const audited<State>& before, const audited<State>& after) {
  if (!is_known(before)) return is_known(after);
  return public_state(before.now.phase) != public_state(after.now.phase);
}

// ---- instances ---------------------------------------------------------------------------------

using phase = actors::instance::lifecycle;

std::string_view kind_of(const audited_instance& before, const envelope& event, phase now) {
  if (is_one_of<events::instance_failed>(event.what))
    return before.now.phase == phase::stopping ? "stop" : "start";
  if (is_one_of<events::instance_suspend_failed>(event.what)) return "suspend";
  if (const auto* drain = std::get_if<events::instance_drain_started>(&event.what))
    return drain->suspend ? "suspend" : "stop";
  switch (now) {
    case phase::stopping:
    case phase::stopped:
    case phase::standby:
      return "stop";
    case phase::suspending:
    case phase::suspended:
      return "suspend";
    case phase::converting:
    case phase::converted:
      return "convert";
    default:
      return is_one_of<events::instance_conversion_failed>(event.what) ? "convert" : "start";
  }
}

// One that served what it was to serve was ended by the requests it served.
std::string_view origin_of(const audited_instance& before, const audited_instance& after,
                           const envelope& event, const events::cause& cause) {
  if (const auto* killed = std::get_if<events::instance_autokilled>(&event.what))
    return killed->requests != 0 ? "proxy" : "autokill";
  const bool falls_asleep =
      is_one_of<events::instance_suspend_requested, events::instance_stop_requested,
                events::instance_suspended, events::instance_stopped>(event.what);
  if (falls_asleep && (after.now.standby || before.now.standby) && cause.source == origin::gateway)
    return "scale-to-zero";
  return origin_name(cause.source);
}

// What an instance comes to as it was asked to is the doing of whoever asked.
const events::cause& cause_of(const audited_instance& before, const envelope& event) {
  const bool as_asked =
      is_one_of<events::instance_running, events::instance_clone_started,
                events::instance_suspended, events::instance_converted>(event.what) ||
      (is_request(event.what) && ends_drain(before.now, event)) ||
      (is_one_of<events::instance_stopped>(event.what) && before.now.phase == phase::stopping);
  return as_asked ? before.requested : event.why;
}

json_object stop_json(const audited_instance& after) {
  json_object into = json_object::object();
  constexpr std::array<std::pair<int, std::string_view>, 5> names = {
      {{1, "sys-exit"}, {2, "app-exit"}, {4, "ukpd"}, {8, "api"}, {16, "force"}}};
  const int bits = stop_reason(after.now);
  into["reason"] = json_object::array();
  for (const auto& [bit, name] : names)
    if ((bits & bit) != 0) into["reason"].push_back(name);
  if (after.now.last_stop->exit_known) into["exit_code"] = after.now.last_stop->exit_code;
  return into;
}

json_object failure_data(const audited_instance& after) {
  const auto& why = *after.now.last_failure;
  json_object into{{"state", public_state(after.now.phase)}};
  into["error"] = why.stage + ": " + why.reason;
  if (why.stage == "image") into["cause"] = "image-unavailable";
  return into;
}

// ---- templates ---------------------------------------------------------------------------------

json_object failure_data(const actors::vm_template::failure& why) {
  json_object into{{"attempt", why.attempt}, {"stage", why.stage}, {"reason", why.reason}};
  if (why.retry_after_ms > 0) into["retry_after_ms"] = why.retry_after_ms;
  return into;
}

}  // namespace

audited_instance evolve(audited_instance before, const envelope& event) {
  return evolve_any(std::move(before), event);
}

audited_template evolve(audited_template before, const envelope& event) {
  auto after = evolve_any(std::move(before), event);
  after.now.clones_in_flight.clear();
  after.now.holders.clear();
  return after;
}

std::vector<audit_document> documents_of(const audited_instance& before,
                                         const audited_instance& after, const envelope& event) {
  std::vector<audit_document> all;
  const auto object = object_json(after, "i");
  const auto add = [&](std::string_view type, const events::cause& cause, std::string_view kind,
                       json_object data) {
    all.push_back(document(type, event, object,
                           attribution(event, cause, kind, origin_of(before, after, event, cause)),
                           std::move(data)));
  };
  if (is_one_of<events::instance_requested>(event.what)) {
    add("vm.create", event.why, "create", change(before, after));
    return all;
  }
  if (is_one_of<events::instance_deleted, events::instance_autokilled>(event.what)) {
    add("vm.delete", event.why, "delete", change(before, after));
    return all;
  }
  const auto kind = kind_of(before, event, after.now.phase);
  const auto& cause = cause_of(before, event);
  if (shows_change(before, after)) {
    auto data = change(before, after);
    if (is_one_of<events::instance_stopped>(event.what)) data["stop"] = stop_json(after);
    add("vm.state_change", cause, kind, std::move(data));
  }
  if (is_one_of<events::instance_failed>(event.what))
    add("vm.start_failed", cause, kind, failure_data(after));
  return all;
}

std::vector<audit_document> documents_of(const audited_template& before,
                                         const audited_template& after, const envelope& event) {
  std::vector<audit_document> all;
  const auto object = object_json(after, "t");
  const auto add = [&](std::string_view type, std::string_view kind, json_object data) {
    const auto origin = is_one_of<events::template_autokilled>(event.what)
                            ? "autokill"
                            : origin_name(event.why.source);
    all.push_back(document(type, event, object, attribution(event, event.why, kind, origin),
                           std::move(data)));
  };
  if (is_one_of<events::template_requested>(event.what)) {
    add("template.create", "create", change(before, after));
    return all;
  }
  if (is_one_of<events::template_deleted, events::template_autokilled>(event.what)) {
    add("template.delete", "delete", change(before, after));
    return all;
  }
  if (shows_change(before, after)) {
    auto data = change(before, after);
    if (is_one_of<events::snapshot_rejected>(event.what))
      data["failure"] = failure_data(*after.now.last_failure);
    add("template.state_change", "prepare", std::move(data));
  }
  if (is_one_of<events::preparation_failed>(event.what))
    add("template.preparation_failed", "prepare", failure_data(*after.now.last_failure));
  return all;
}

}  // namespace platen::http
