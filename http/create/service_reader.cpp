#include "http/create/service_reader.hpp"

#include "http/request/targets.hpp"
#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

using actors::service_group::domains_limit;
using actors::service_group::highest_limit;
using actors::service_group::services_limit;
using nlohmann::json;

constexpr std::int64_t autokill_ms_limit = 366ll * 24 * 3600 * 1000;  // a year
constexpr std::size_t domain_limit = 254;

std::string place(object_reader& group, std::string_view member, std::size_t index) {
  return group.path_of(member) + "[" + std::to_string(index) + "]";
}

std::uint32_t read_limit(object_reader& group, std::string_view member, std::uint32_t usual) {
  return static_cast<std::uint32_t>(group.integer(member, 1, highest_limit).value_or(usual));
}

actors::reference read_certificate(object_reader& domain) {
  const auto* given = domain.object("certificate");
  if (given == nullptr) return {};
  object_reader reader(*given, domain.path_of("certificate"), domain.problem());
  auto which = read_item_reference(reader);
  reader.refuse_others();
  return which;
}

}  // namespace

events::service read_service(const json& value, std::string path, first_problem& problem) {
  object_reader reader(value, path, problem);
  events::service made;
  made.port = static_cast<std::uint16_t>(reader.integer("port", 1, 65535).value_or(0));
  if (!reader.has("port")) reader.report("port", "is required");
  made.destination_port =
      static_cast<std::uint16_t>(reader.integer("destination_port", 1, 65535).value_or(made.port));
  const auto protocol = reader.text("protocol", 16).value_or("tcp");
  if (protocol != "tcp") reader.report("protocol", "other than 'tcp' is not supported yet");
  made.handlers = reader.texts("handlers", 4, 16);
  if (made.handlers.empty()) made.handlers = actors::service_group::usual_handlers(made.port);
  reader.not_supported_yet({"ip"});
  reader.refuse_others();
  if (problem.found()) return made;
  if (const auto wrong = actors::service_group::fault_of(made))
    problem.report("'" + path + ".handlers'" + wrong->substr(std::string("handlers").size()));
  return made;
}

std::vector<events::service> read_services(object_reader& group, std::string_view member) {
  std::vector<events::service> all;
  const auto* given = group.array(member, services_limit);
  if (given == nullptr) return all;
  if (given->empty()) group.report(member, "must name at least one service");
  for (const auto& value : *given) {
    const auto where = place(group, member, all.size());
    auto made = read_service(value, where, group.problem());
    for (const auto& other : all)
      if (other.port == made.port)
        group.problem().report("'" + where + ".port' is used by another service");
    all.push_back(std::move(made));
  }
  return all;
}

std::vector<events::domain> read_domains(object_reader& group, std::string_view member,
                                         std::vector<certificate_choice>& certificates) {
  std::vector<events::domain> all;
  const auto* given = group.array(member, domains_limit);
  if (given == nullptr) return all;
  for (const auto& value : *given) {
    object_reader reader(value, place(group, member, all.size()), group.problem());
    events::domain made;
    made.name = reader.text("name", domain_limit).value_or("");
    if (!reader.has("name")) reader.report("name", "is required");
    auto plain = made.name.ends_with('.') ? made.name.substr(0, made.name.size() - 1) : made.name;
    if (reader.has("name") && !actors::service_group::is_domain(to_lower(plain)))
      reader.report("name", "is not a domain name");
    const auto which = read_certificate(reader);
    if (!which.uuid.empty() || !which.name.empty()) certificates.push_back({made.name, which});
    reader.refuse_others();
    all.push_back(std::move(made));
  }
  return all;
}

std::uint64_t read_group_autokill_ms(object_reader& group, std::string_view member) {
  const auto* given = group.object(member);
  if (given == nullptr) return 0;
  object_reader autokill(*given, group.path_of(member), group.problem());
  const auto time = autokill.integer("time_ms", 0, autokill_ms_limit).value_or(0);
  autokill.refuse_others();
  return static_cast<std::uint64_t>(time);
}

void read_group_settings(object_reader& group, group_request& into) {
  auto& how = into.wish.how;
  how.services = read_services(group, "services");
  if (!group.has("services")) group.report("services", "is required");
  how.domains = read_domains(group, "domains", into.certificates);
  how.soft_limit = read_limit(group, "soft_limit", how.soft_limit);
  how.hard_limit = read_limit(group, "hard_limit", how.hard_limit);
  if (how.soft_limit > how.hard_limit)
    group.report("soft_limit", "must not be more than hard_limit");
}

tl::expected<std::vector<group_request>, request_error> read_group_requests(
    const json& body, std::size_t items_limit) {
  first_problem problem;
  std::vector<group_request> all;
  if (body.is_array() && body.empty())
    problem.report("the request body must have at least one item");
  for (const auto* value : body_items(body, false, items_limit, problem)) {
    if (problem.found()) break;
    const auto path = body.is_array() ? "[" + std::to_string(all.size()) + "]" : std::string();
    object_reader reader(*value, path, problem);
    group_request made;
    made.wish.name = reader.text("name", name_limit).value_or("");
    if (reader.has("name") && !is_name(made.wish.name))
      reader.report("name", "must be " + std::string(name_rule));
    read_group_settings(reader, made);
    made.wish.how.autokill_ms = read_group_autokill_ms(reader, "autokill");
    reader.refuse_others();
    all.push_back(std::move(made));
  }
  if (problem.found()) return tl::unexpected(*problem.error());
  return all;
}

std::optional<actors::instance_group> read_instance_group(
    object_reader& reader, std::vector<certificate_choice>& certificates) {
  const auto* given = reader.object("service_group");
  if (given == nullptr) return std::nullopt;
  object_reader group(*given, reader.path_of("service_group"), reader.problem());
  actors::instance_group made;
  if (group.has("uuid") || group.has("name")) {
    made.which = read_item_reference(group);
    for (const auto* member : {"services", "domains", "soft_limit", "hard_limit"})
      if (group.any(member) != nullptr)
        group.report(member,
                     "cannot be given together with a reference: either name a service group that "
                     "exists or describe a new one");
  } else {
    group_request inline_group;
    inline_group.wish.persistent = false;
    read_group_settings(group, inline_group);
    certificates = std::move(inline_group.certificates);
    made.made = std::move(inline_group.wish);
  }
  group.refuse_others();
  return made;
}

}  // namespace platen::http
