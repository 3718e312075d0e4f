#include "http/create/template_reader.hpp"

#include "http/create/members.hpp"
#include "http/create/vm_spec_reader.hpp"
#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

constexpr std::int64_t autokill_ms_limit = 366ll * 24 * 3600 * 1000;  // a year

actors::reference read_reference(object_reader& reader) {
  actors::reference which;
  which.uuid = to_lower(reader.text("uuid", 64).value_or(""));
  which.name = reader.text("name", name_limit).value_or("");
  if (reader.has("uuid") && reader.has("name"))
    reader.report("uuid", "and 'name' cannot both be given");
  if (!reader.has("uuid") && !reader.has("name"))
    reader.report("name", "is required: anonymous templates are not supported yet");
  if (reader.has("uuid") && !is_uuid(which.uuid)) reader.report("uuid", "is not a valid uuid");
  if (reader.has("name") && !is_name(which.name))
    reader.report("name", "must be " + std::string(name_rule));
  return which;
}

void refuse_meaningless(object_reader& args, std::vector<std::string>& warnings) {
  if (args.any("template") != nullptr)
    args.problem().report("nested templates are not supported yet ('" + args.path_of("template") +
                          "')");
  for (const auto* member : {"name", "timeout_s", "wait_timeout_ms"})
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

vm_parts read_create_args(object_reader& reader, std::vector<std::string>& warnings) {
  vm_parts parts;
  const auto* given = reader.object("create_args");
  if (given == nullptr) return parts;
  object_reader args(*given, reader.path_of("create_args"), reader.problem());
  refuse_meaningless(args, warnings);
  read_frozen_parts(args, parts);
  read_own_parts(args, parts);
  refuse_members_to_come(args);
  args.refuse_others();
  return parts;
}

std::uint64_t read_prepare_timeout_ms(object_reader& reader) {
  const auto seconds = reader.integer("prepare_timeout_s", -1, wait_seconds_limit).value_or(0);
  return seconds <= 0 ? 0 : static_cast<std::uint64_t>(seconds) * 1000;
}

std::uint64_t read_autokill_ms(object_reader& reader, std::vector<std::string>& warnings) {
  const auto* given = reader.object("autokill");
  if (given == nullptr) return 0;
  object_reader autokill(*given, reader.path_of("autokill"), reader.problem());
  const auto time = autokill.integer("time_ms", 0, autokill_ms_limit).value_or(0);
  autokill.not_supported_yet({"num_requests"});
  autokill.refuse_others();
  if (time > 0)
    warnings.push_back("'" + reader.path_of("autokill") +
                       "' is kept with the template but not acted upon yet");
  return static_cast<std::uint64_t>(time);
}

void check_create_args(object_reader& reader, const actors::template_wish& wish) {
  if (!wish.create_args) return;
  if (!wish.prepare)
    reader.report("prepare",
                  "must be true with 'create_args': templates that are not prepared "
                  "(cold templates) are not supported yet");
  if (!wish.which.uuid.empty())
    reader.report("uuid", "cannot be given with 'create_args': name the template instead");
}

}  // namespace

void read_template(object_reader& instance, create_request& into) {
  const auto* given = instance.object("template");
  if (given == nullptr) return;
  object_reader reader(*given, instance.path_of("template"), instance.problem());
  actors::template_wish wish;
  wish.which = read_reference(reader);
  wish.prepare = reader.boolean("prepare").value_or(false);
  auto parts = read_create_args(reader, into.warnings);
  if (reader.has("create_args")) {
    wish.create_args = std::move(parts.spec);
    into.template_roms = std::move(parts.roms);
  }
  wish.prepare_timeout_ms = read_prepare_timeout_ms(reader);
  wish.autokill_ms = read_autokill_ms(reader, into.warnings);
  reader.refuse_others();
  check_create_args(reader, wish);
  into.wish.from = std::move(wish);
}

}  // namespace platen::http
