#include "http/create/vm_spec_reader.hpp"

#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

std::string read_image(object_reader& reader) {
  const auto* given = reader.any("image");
  if (given == nullptr) {
    reader.report("image", "is required");
    return {};
  }
  std::string name;
  if (given->is_object()) {
    object_reader spec(*given, reader.path_of("image"), reader.problem());
    name = spec.text("url", path_limit).value_or("");
    if (!spec.has("url")) spec.report("url", "is required");
    spec.not_supported_yet({"credentials", "headers", "pull_policy", "merge_requests"});
    spec.refuse_others();
  } else {
    name = reader.text("image", path_limit).value_or("");
  }
  if (!is_image_name(name)) reader.report("image", "must be " + std::string(image_rule));
  return name;
}

std::vector<events::variable> read_env(object_reader& reader) {
  std::vector<events::variable> env;
  const auto* given = reader.object("env");
  if (given == nullptr) return env;
  if (given->size() > env_limit)
    reader.report("env", "has more than " + std::to_string(env_limit) + " variables");
  object_reader variables(*given, reader.path_of("env"), reader.problem());
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

}  // namespace

void read_frozen_parts(object_reader& reader, vm_parts& into) {
  auto& spec = into.spec;
  spec.image = read_image(reader);
  spec.args = reader.texts("args", args_limit, arg_bytes_limit);
  spec.env = read_env(reader);
  spec.memory_mb = static_cast<std::uint32_t>(
      reader.integer("memory_mb", memory_mb_least, memory_mb_most).value_or(memory_mb_default));
  spec.vcpus = static_cast<std::uint32_t>(reader.integer("vcpus", 1, vcpus_most).value_or(1));
}

void read_own_parts(object_reader& reader, vm_parts& into) {
  into.spec.hostname = reader.text("hostname", name_limit).value_or("");
  if (reader.has("hostname") && !is_hostname(into.spec.hostname))
    reader.report("hostname", "must be " + std::string(hostname_rule));
  into.roms = read_roms(reader);
}

}  // namespace platen::http
