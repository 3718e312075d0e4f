#include "tools/platen/state_json.hpp"

#include "events/json.hpp"

namespace platen::cli {
namespace {

using nlohmann::json;

void put(json& into, const char* name, const std::string& value) {
  if (!value.empty()) into[name] = value;
}

void put_time(json& into, const char* name, std::int64_t time_us) {
  if (time_us != 0) into[name] = events::to_rfc3339(time_us);
}

template <class Failure>
json failure_json(const Failure& failed) {
  json out{{"stage", failed.stage}, {"reason", failed.reason}};
  put(out, "console_tail", failed.console_tail);
  put_time(out, "at", failed.at_us);
  return out;
}

json services_json(const std::vector<events::service>& services) {
  auto all = json::array();
  for (const auto& service : services)
    all.push_back({{"port", service.port},
                   {"destination_port", service.destination_port},
                   {"host_port", service.host_port}});
  return all;
}

void put_spec(json& into, const events::vm_spec& spec) {
  put(into, "image", spec.image);
  if (!spec.args.empty()) into["args"] = spec.args;
  if (spec.memory_mb != 0) into["memory_mb"] = spec.memory_mb;
  if (spec.vcpus != 0) into["vcpus"] = spec.vcpus;
  put(into, "hostname", spec.hostname);
  for (const auto& rom : spec.roms)
    into["roms"].push_back({{"name", rom.name}, {"at", rom.at}, {"digest", rom.digest}});
  if (!spec.services.empty()) into["services"] = services_json(spec.services);
}

}  // namespace

json to_json(const actors::vm_template::state& value) {
  json out{{"uuid", value.id},
           {"version", value.version},
           {"lifecycle", actors::vm_template::shown_lifecycle(value)},
           {"attempt", value.attempt},
           {"clones_made", value.clones_made},
           {"clones_in_flight", value.clones_in_flight}};
  put(out, "name", value.name);
  put(out, "fingerprint", value.fingerprint);
  put(out, "accelerator", value.accelerator);
  put_spec(out, value.spec);
  put_time(out, "created_at", value.created_us);
  put_time(out, "lifecycle_since", value.phase_since_us);
  put_time(out, "deadline", value.deadline_us);
  put_time(out, "retry_at", value.retry_at_us);
  if (value.ready) out["snapshot"] = value.ready->id;
  if (value.last_failure) out["failure"] = failure_json(*value.last_failure);
  return out;
}

json to_json(const actors::instance::state& value) {
  json out{{"uuid", value.id},
           {"version", value.version},
           {"lifecycle", actors::instance::to_string(value.phase)},
           {"attempt", value.attempt},
           {"start_count", value.start_count}};
  put(out, "name", value.name);
  put(out, "template_uuid", value.template_id);
  put(out, "template_name", value.template_name);
  put(out, "snapshot", value.snapshot_id);
  put(out, "accelerator", value.accelerator);
  put(out, "generation_id", value.generation_id);
  if (value.pid != 0) out["pid"] = value.pid;
  put_spec(out, value.spec);
  put_time(out, "created_at", value.created_us);
  put_time(out, "lifecycle_since", value.phase_since_us);
  if (value.last_failure) out["failure"] = failure_json(*value.last_failure);
  if (value.last_setback) out["setback"] = failure_json(*value.last_setback);
  if (value.suspended_attempt != 0)
    out["suspended"] = {{"attempt", value.suspended_attempt},
                        {"state_bytes", value.suspended_bytes}};
  if (value.last_stop)
    out["stopped"] = {{"by_user", value.last_stop->by_user}, {"reason", value.last_stop->reason}};
  return out;
}

json to_json(const actors::service_group::state& value) {
  json out{{"uuid", value.id},
           {"version", value.version},
           {"name", value.name},
           {"lifecycle", actors::service_group::to_string(value.phase)},
           {"persistent", value.persistent},
           {"services", services_json(value.how.services)},
           {"instances", value.instances},
           {"autoscale", value.scaling.has_value()}};
  for (const auto& domain : value.how.domains)
    out["domains"].push_back(domain.name);
  put_time(out, "created_at", value.created_us);
  return out;
}

json to_json(const actors::world& all) {
  json out{{"sequence", all.sequence},
           {"templates", json::array()},
           {"instances", json::array()},
           {"services", json::array()}};
  for (const auto& [id, state] : all.templates)
    out["templates"].push_back(to_json(state));
  for (const auto& [id, state] : all.instances)
    out["instances"].push_back(to_json(state));
  for (const auto& [id, state] : all.services)
    out["services"].push_back(to_json(state));
  return out;
}

}  // namespace platen::cli
