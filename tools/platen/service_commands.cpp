// platen service create|ls|get|rm; autoscale is in autoscale_command.cpp
#include <iostream>
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/create_body.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

// 443:8080/tls+http
std::string services_of(const json& item) {
  std::string out;
  for (const auto& service : item.value("services", json::array())) {
    std::string handlers;
    for (const auto& handler : service.value("handlers", json::array()))
      handlers += (handlers.empty() ? "/" : "+") + handler.get<std::string>();
    out += (out.empty() ? "" : ", ") + text_of(service, "port") + ":" +
           text_of(service, "destination_port") + handlers;
  }
  return out.empty() ? "-" : out;
}

std::string joined(const json& item, const char* list, const char* member) {
  std::string out;
  for (const auto& one : item.value(list, json::array()))
    out += (out.empty() ? "" : ", ") + text_of(one, member);
  return out.empty() ? "-" : out;
}

result<void> list(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto all = fetch_all(*api, services());
  if (!all) return tl::unexpected(all.error());
  if (ctx.json) {
    print_json(*all);
    return {};
  }
  table rows({"NAME", "DOMAINS", "SERVICES", "INSTANCES", "CREATED", "UUID"});
  for (const auto& item : *all)
    rows.add({text_of(item, "name"), joined(item, "domains", "fqdn"), services_of(item),
              std::to_string(item.value("instances", json::array()).size()),
              age_of(text_of(item, "created_at")), text_of(item, "uuid")});
  rows.print();
  return {};
}

void print_details(const json& item) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const char* member :
       {"name", "uuid", "persistent", "soft_limit", "hard_limit", "created_at"})
    fields.emplace_back(member, text_of(item, member));
  fields.emplace_back("services", services_of(item));
  fields.emplace_back("domains", joined(item, "domains", "fqdn"));
  fields.emplace_back("instances", joined(item, "instances", "name"));
  if (const auto autokill = text_of(item, "autokill"); autokill != "-")
    fields.emplace_back("autokill", autokill);
  print_fields(fields);
}

void print(const context& ctx, const json& item) {
  if (ctx.json)
    print_json(item);
  else
    print_details(item);
}

result<void> get(const context& ctx, const std::string& which) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto item = fetch_one(*api, services(), which);
  if (!item) return tl::unexpected(item.error());
  print(ctx, *item);
  return {};
}

struct service_wish {
  std::string name;
  std::vector<std::string> ports;
  std::vector<std::string> domains;
  std::optional<std::uint32_t> soft_limit;
  std::optional<std::uint32_t> hard_limit;
  std::optional<std::uint64_t> autokill_ms;
};

result<json> body_of(const service_wish& wish) {
  json body = json::object();
  if (!wish.name.empty()) body["name"] = wish.name;
  auto ports = services_body(wish.ports);
  if (!ports) return ports;
  body["services"] = *std::move(ports);
  for (const auto& domain : wish.domains)
    body["domains"].push_back({{"name", domain}});
  if (wish.soft_limit) body["soft_limit"] = *wish.soft_limit;
  if (wish.hard_limit) body["hard_limit"] = *wish.hard_limit;
  if (wish.autokill_ms) body["autokill"] = {{"time_ms", *wish.autokill_ms}};
  return body;
}

result<void> create(const context& ctx, const service_wish& wish) {
  const auto body = body_of(wish);
  if (!body) return tl::unexpected(body.error());
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto answer = api->send(method::post, services().path, {}, *body);
  if (!answer) return tl::unexpected(answer.error());
  const auto outcome = sort_items(*answer, services());
  if (outcome.worst) return tl::unexpected(*outcome.worst);
  for (const auto& item : outcome.done)
    print(ctx, item);
  return {};
}

result<void> remove(const context& ctx, const std::vector<std::string>& which) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  return remove_all(*api, services(), which, ctx.json);
}

void add_create(CLI::App& group, context& ctx) {
  auto* make = group.add_subcommand("create", "Make a service group that instances can join");
  const auto wish = std::make_shared<service_wish>();
  make->add_option("--name", wish->name, "Name; one is made up without it");
  make->add_option("--port", wish->ports,
                   "PORT[:GUEST_PORT][/HANDLERS], 443:8080/tls+http; repeatable")
      ->required();
  make->add_option("--domain", wish->domains,
                   "example (below the daemon's base domain) or example.com.; repeatable");
  make->add_option("--soft-limit", wish->soft_limit, "In flight at one instance before another");
  make->add_option("--hard-limit", wish->hard_limit, "In flight at one instance at most");
  make->add_option("--autokill-ms", wish->autokill_ms, "Delete it so long after it became empty");
  on_chosen(make, ctx, [&ctx, wish] { return create(ctx, *wish); });
}

}  // namespace

void add_service_commands(CLI::App& app, context& ctx) {
  auto* group = app.add_subcommand("service", "Service groups: ports and domains of instances");
  group->require_subcommand(1);
  add_create(*group, ctx);
  add_autoscale_command(*group, ctx);
  on_chosen(group->add_subcommand("ls", "List service groups"), ctx, [&ctx] { return list(ctx); });
  auto* show = group->add_subcommand("get", "Show one service group");
  const auto which = std::make_shared<std::string>();
  show->add_option("name", *which, "Name or UUID")->required();
  on_chosen(show, ctx, [&ctx, which] { return get(ctx, *which); });
  auto* rm = group->add_subcommand("rm", "Delete service groups");
  const auto names = std::make_shared<std::vector<std::string>>();
  rm->add_option("names", *names, "Names or UUIDs")->required();
  on_chosen(rm, ctx, [&ctx, names] { return remove(ctx, *names); });
}

}  // namespace platen::cli
