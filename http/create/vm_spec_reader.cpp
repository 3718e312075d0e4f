#include "http/create/vm_spec_reader.hpp"

#include "http/request/text_rules.hpp"

namespace platen::http {

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

}  // namespace platen::http
