#include "http/create/create_reader.hpp"

#include "http/create/members.hpp"
#include "http/create/settings_reader.hpp"
#include "http/create/template_reader.hpp"
#include "http/create/vm_spec_reader.hpp"
#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

using nlohmann::json;

constexpr std::int64_t replicas_limit = 255;

std::string read_name(object_reader& reader) {
  auto name = reader.text("name", name_limit).value_or("");
  if (reader.has("name") && !is_name(name))
    reader.report("name", "must be " + std::string(name_rule));
  return name;
}

// With `prepare` the call blocks until the template is there, unless told otherwise.
wait_time default_wait(const create_request& request) {
  if (request.wish.from && request.wish.from->prepare) return {std::nullopt};
  return {std::chrono::milliseconds(0)};
}

void check_wait(object_reader& reader, const create_request& request) {
  const bool prepares = request.wish.from && request.wish.from->prepare;
  if (request.wait.waits() && !request.wish.autostart && !prepares)
    reader.report("timeout_s", "needs 'autostart': true, or there is nothing to wait for");
}

create_request read_one(const json& value, std::string path, first_problem& problem) {
  object_reader reader(value, std::move(path), problem);
  create_request made;
  made.wish.name = read_name(reader);
  made.wish.autostart = reader.boolean("autostart").value_or(false);
  vm_parts parts;
  if (reader.has("template")) {
    read_template(reader, made);
    refuse_frozen_parts(reader);
  } else if (reader.has("image")) {
    reader.any("template");
    read_frozen_parts(reader, parts);
  } else {
    refuse_members_to_come(reader);
    reader.problem().report("'" + reader.path_of("image") + "' or '" + reader.path_of("template") +
                            "' is required");
  }
  read_own_parts(reader, parts);
  read_settings(reader, parts.spec);
  const auto replicas = reader.integer("replicas", 0, replicas_limit).value_or(0);
  made.wish.group = read_instance_group(reader, made.certificates);
  if (made.wish.group && made.wish.group->made)
    parts.spec.services = made.wish.group->made->how.services;
  else if (!made.wish.group && actors::instance::scales_to_zero(parts.spec))
    reader.report("scale_to_zero", "needs a 'service_group'");
  const auto wait = read_wait_time(reader, "wait_timeout_ms", made.warnings);
  refuse_members_to_come(reader);
  reader.refuse_others();
  made.wait = wait.value_or(default_wait(made));
  check_wait(reader, made);
  made.wish.spec = std::move(parts.spec);
  made.roms = std::move(parts.roms);
  made.replicas = static_cast<std::size_t>(replicas);
  return made;
}

// Each replica is an instance of its own; only the names say that they belong together.
void add_with_replicas(create_request one, std::vector<create_request>& into) {
  const auto replicas = std::exchange(one.replicas, 0);
  const auto name = one.wish.name;
  into.push_back(one);
  for (std::size_t i = 1; i <= replicas; ++i) {
    if (!name.empty()) one.wish.name = name + "-" + std::to_string(i);
    into.push_back(one);
  }
}

}  // namespace

tl::expected<std::vector<create_request>, request_error> read_create_requests(
    const json& body, std::size_t items_limit) {
  first_problem problem;
  std::vector<create_request> all;
  if (!body.is_array()) {
    add_with_replicas(read_one(body, "", problem), all);
  } else {
    if (body.empty()) problem.report("the request body must have at least one item");
    if (body.size() > items_limit)
      problem.report("the request body has more than " + std::to_string(items_limit) + " items");
    for (std::size_t i = 0; i < body.size() && !problem.found(); ++i)
      add_with_replicas(read_one(body[i], "[" + std::to_string(i) + "]", problem), all);
  }
  if (all.size() > items_limit)
    problem.report("the request asks for more than " + std::to_string(items_limit) +
                   " instances, replicas included");
  if (problem.found()) return tl::unexpected(*problem.error());
  return all;
}

}  // namespace platen::http
