#include "http/view/spec_view.hpp"

namespace platen::http {

void put_frozen_parts(const events::vm_spec& spec, json_object& into) {
  into["image"] = spec.image;
  into["memory_mb"] = spec.memory_mb;
  into["vcpus"] = spec.vcpus;
  if (!spec.args.empty()) into["args"] = spec.args;
  for (const auto& variable : spec.env)
    into["env"][variable.name] = variable.value;
}

void put_own_parts(const events::vm_spec& spec, json_object& into) {
  if (!spec.hostname.empty()) into["hostname"] = spec.hostname;
  for (const auto& rom : spec.roms) {
    json_object one{{"name", rom.name}};
    if (!rom.at.empty()) one["at"] = rom.at;
    if (!rom.image.empty()) one["image"] = rom.image;
    one["digest"] = rom.digest;
    one["size_in_bytes"] = rom.size_bytes;
    into["roms"].push_back(std::move(one));
  }
}

void put_settings(const events::vm_spec& spec, json_object& into) {
  into["restart_policy"] = spec.restart_policy.empty() ? "never" : spec.restart_policy;
  if (spec.delete_on_stop) into["features"] = {"delete-on-stop"};
  if (!spec.tags.empty()) into["tags"] = spec.tags;
  if (!spec.scale_to_zero.empty())
    into["scale_to_zero"] = {{"enabled", spec.scale_to_zero != "off"},
                             {"policy", spec.scale_to_zero},
                             {"stateful", spec.stateful},
                             {"cooldown_time_ms", spec.cooldown_ms},
                             {"notify_time_ms", spec.notify_ms}};
  for (const auto& annotation : spec.annotations)
    into["annotations"][annotation.name] = annotation.value;
}

void put_services(const events::vm_spec& spec, json_object& into) {
  for (const auto& service : spec.services) {
    json_object one{{"port", service.port}, {"destination_port", service.destination_port}};
    one["handlers"] = service.handlers;
    if (service.host_port != 0) one["address"] = "127.0.0.1:" + std::to_string(service.host_port);
    into["services"].push_back(std::move(one));
  }
}

}  // namespace platen::http
