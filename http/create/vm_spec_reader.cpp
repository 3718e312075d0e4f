#include "http/create/vm_spec_reader.hpp"

#include "http/request/text_rules.hpp"

namespace platen::http {

using nlohmann::json;

std::string read_image(object_reader& reader, std::string_view member) {
  const auto* given = reader.any(member);
  if (given == nullptr) {
    reader.report(member, "is required");
    return {};
  }
  std::string name;
  if (given->is_object()) {
    object_reader spec(*given, reader.path_of(member), reader.problem());
    name = spec.text("url", path_limit).value_or("");
    if (!spec.has("url")) spec.report("url", "is required");
    spec.not_supported_yet({"credentials", "headers", "pull_policy", "merge_requests"});
    spec.refuse_others();
  } else {
    name = reader.text(member, path_limit).value_or("");
  }
  if (!is_image_name(name)) reader.report(member, "must be " + std::string(image_rule));
  return name;
}

std::vector<events::variable> read_env(object_reader& reader, std::string_view member) {
  std::vector<events::variable> env;
  const auto* given = reader.object(member);
  if (given == nullptr) return env;
  if (given->size() > env_limit)
    reader.report(member, "has more than " + std::to_string(env_limit) + " variables");
  object_reader variables(*given, reader.path_of(member), reader.problem());
  for (const auto& [name, ignored] : given->items()) {
    if (!is_variable_name(name))
      variables.report(name, "is not a valid name of an environment variable");
    events::variable made;
    made.name = name;
    made.value = variables.text(name, env_value_bytes_limit).value_or("");
    if (has_forbidden_control(made.value)) variables.report(name, "contains a control character");
    env.push_back(std::move(made));
    if (reader.problem().found()) break;
  }
  return env;
}

std::uint32_t read_memory_mb(object_reader& reader, std::string_view member) {
  return static_cast<std::uint32_t>(
      reader.integer(member, memory_mb_least, memory_mb_most).value_or(memory_mb_default));
}

std::uint32_t read_vcpus(object_reader& reader, std::string_view member) {
  return static_cast<std::uint32_t>(reader.integer(member, 1, vcpus_most).value_or(1));
}

std::string read_hostname(object_reader& reader, std::string_view member) {
  auto name = reader.text(member, name_limit).value_or("");
  if (reader.has(member) && !is_hostname(name))
    reader.report(member, "must be " + std::string(hostname_rule));
  return name;
}

namespace {

void read_handlers(object_reader& reader, events::service& into,
                   std::vector<std::string>& warnings) {
  into.handlers = reader.texts("handlers", 4, 16);
  for (const auto& handler : into.handlers) {
    if (handler == "redirect")
      reader.report("handlers", "cannot have 'redirect': it is not supported yet");
    else if (handler != "tls" && handler != "http")
      reader.report("handlers", "must be of 'tls' and 'http'");
  }
  if (!into.handlers.empty() && warnings.empty())
    warnings.push_back(
        "service handlers are not in effect yet: each port is forwarded as plain TCP to a port "
        "on a loopback address, see 'services' of the running instance");
}

void refuse_repeated(object_reader& reader, const std::vector<events::service>& before,
                     const events::service& made) {
  for (const auto& other : before) {
    if (other.port == made.port) reader.report("port", "is used by another service");
    if (other.destination_port == made.destination_port)
      reader.report("destination_port",
                    "is used by another service: two services with one destination are not "
                    "supported yet");
  }
}

events::service read_service(const json& value, std::string path,
                             const std::vector<events::service>& before, first_problem& problem,
                             std::vector<std::string>& warnings) {
  object_reader reader(value, std::move(path), problem);
  events::service made;
  made.port = static_cast<std::uint16_t>(reader.integer("port", 1, 65535).value_or(0));
  if (!reader.has("port")) reader.report("port", "is required");
  made.destination_port =
      static_cast<std::uint16_t>(reader.integer("destination_port", 1, 65535).value_or(made.port));
  const auto protocol = reader.text("protocol", 16).value_or("tcp");
  if (protocol != "tcp") reader.report("protocol", "other than 'tcp' is not supported yet");
  read_handlers(reader, made, warnings);
  reader.not_supported_yet({"ip"});
  reader.refuse_others();
  if (!problem.found()) refuse_repeated(reader, before, made);
  return made;
}

}  // namespace

void read_frozen_parts(object_reader& reader, vm_parts& into) {
  auto& spec = into.spec;
  spec.image = read_image(reader, "image");
  spec.args = reader.texts("args", args_limit, arg_bytes_limit);
  spec.env = read_env(reader, "env");
  spec.memory_mb = read_memory_mb(reader, "memory_mb");
  spec.vcpus = read_vcpus(reader, "vcpus");
}

void read_own_parts(object_reader& reader, vm_parts& into) {
  into.spec.hostname = read_hostname(reader, "hostname");
  into.roms = read_roms(reader);
}

void read_services(object_reader& reader, events::vm_spec& into,
                   std::vector<std::string>& warnings) {
  const auto* given = reader.object("service_group");
  if (given == nullptr) return;
  object_reader group(*given, reader.path_of("service_group"), reader.problem());
  group.not_supported_yet({"uuid", "name", "domains", "soft_limit", "hard_limit", "autokill"});
  const auto* services = group.array("services", services_limit);
  if (!group.has("services")) group.report("services", "is required");
  std::vector<std::string> of_handlers;
  if (services != nullptr) {
    if (services->empty()) group.report("services", "must name at least one service");
    for (const auto& value : *services)
      into.services.push_back(read_service(
          value, group.path_of("services") + "[" + std::to_string(into.services.size()) + "]",
          into.services, reader.problem(), of_handlers));
  }
  warnings.insert(warnings.end(), of_handlers.begin(), of_handlers.end());
  group.refuse_others();
}

}  // namespace platen::http
