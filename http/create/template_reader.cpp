#include "http/create/template_reader.hpp"

#include <algorithm>

#include "http/create/members.hpp"
#include "http/create/settings_reader.hpp"
#include "http/create/vm_spec_reader.hpp"
#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

// Of a body; the control plane has its own, configurable limit of what exists.
constexpr std::size_t levels_limit = 64;

actors::template_wish read_level(const nlohmann::json& given, std::string path, std::size_t level,
                                 create_request& into, first_problem& problem);

actors::reference read_reference(object_reader& reader) {
  actors::reference which;
  which.uuid = to_lower(reader.text("uuid", 64).value_or(""));
  which.name = reader.text("name", name_limit).value_or("");
  if (reader.has("uuid") && reader.has("name"))
    reader.report("uuid", "and 'name' cannot both be given");
  if (!reader.has("uuid") && !reader.has("name") && !reader.has("create_args"))
    reader.report("name", "is required, or 'create_args' for an anonymous template");
  if (reader.has("uuid") && !is_uuid(which.uuid)) reader.report("uuid", "is not a valid uuid");
  if (reader.has("name") && !is_name(which.name))
    reader.report("name", "must be " + std::string(name_rule));
  return which;
}

void refuse_meaningless(object_reader& args, std::vector<std::string>& warnings) {
  for (const auto* member : {"name", "timeout_s", "wait_timeout_ms", "replicas"})
    if (args.any(member) != nullptr)
      args.report(member,
                  "cannot be given: a template is named and waited for by the members of "
                  "'template' and of the instance");
  if (args.any("service_group") != nullptr)
    warnings.push_back("'" + args.path_of("service_group") + "' is not used by templates");
  if (args.boolean("autostart") == false)
    warnings.push_back("'" + args.path_of("autostart") +
                       "' has no effect: a template is always started to be prepared");
}

// A nested template has the frozen parts of the one it is prepared from.
void read_what_it_is_made_of(object_reader& args, vm_parts& parts, actors::template_wish& wish,
                             create_request& into, std::size_t level) {
  if (const auto* below = args.object("template")) {
    refuse_frozen_parts(args);
    if (level + 1 >= levels_limit) return args.report("template", "is nested too deep");
    wish.parent = std::make_shared<actors::template_wish>(
        read_level(*below, args.path_of("template"), level + 1, into, args.problem()));
  } else if (!args.has("image")) {
    args.problem().report("'" + args.path_of("image") + "' or '" + args.path_of("template") +
                          "' is required");
  } else {
    read_frozen_parts(args, parts);
  }
}

void read_create_args(object_reader& reader, actors::template_wish& wish, create_request& into,
                      std::size_t level) {
  const auto* given = reader.object("create_args");
  if (given == nullptr) return;
  object_reader args(*given, reader.path_of("create_args"), reader.problem());
  refuse_meaningless(args, into.warnings);
  vm_parts parts;
  read_own_parts(args, parts);
  read_settings(args, parts.spec);
  into.template_roms.resize(std::max(into.template_roms.size(), level + 1));
  into.template_roms[level] = std::move(parts.roms);
  read_what_it_is_made_of(args, parts, wish, into, level);
  wish.create_args = std::move(parts.spec);
  refuse_members_to_come(args);
  args.refuse_others();
}

std::uint64_t read_prepare_timeout_ms(object_reader& reader) {
  const auto seconds = reader.integer("prepare_timeout_s", -1, wait_seconds_limit).value_or(0);
  return seconds <= 0 ? 0 : static_cast<std::uint64_t>(seconds) * 1000;
}

void check_together(object_reader& reader, const actors::template_wish& wish) {
  if (!wish.create_args) return;
  if (wish.parent && !wish.prepare)
    reader.report("prepare", "must be true for a template that is made from another one");
  if (!wish.which.uuid.empty())
    reader.report("uuid", "cannot be given with 'create_args': name the template instead");
}

actors::template_wish read_level(const nlohmann::json& given, std::string path, std::size_t level,
                                 create_request& into, first_problem& problem) {
  object_reader reader(given, std::move(path), problem);
  actors::template_wish wish;
  wish.which = read_reference(reader);
  wish.prepare = reader.boolean("prepare").value_or(false);
  read_create_args(reader, wish, into, level);
  wish.prepare_timeout_ms = read_prepare_timeout_ms(reader);
  wish.autokill_ms = read_autokill_ms(reader, "autokill");
  reader.refuse_others();
  check_together(reader, wish);
  return wish;
}

}  // namespace

void read_template(object_reader& instance, create_request& into) {
  const auto* given = instance.object("template");
  if (given == nullptr) return;
  into.wish.from = read_level(*given, instance.path_of("template"), 0, into, instance.problem());
}

// A clone has the memory, CPUs, program and environment that were frozen with its template.
void refuse_frozen_parts(object_reader& reader) {
  for (const auto* member : {"image", "args", "env", "memory_mb", "vcpus"})
    if (reader.any(member) != nullptr)
      reader.problem().report("Cannot specify '" + reader.path_of(member) +
                              "' when creating an instance from a template");
}

}  // namespace platen::http
