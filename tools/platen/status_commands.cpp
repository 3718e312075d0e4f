// platen healthz|status
#include <map>

#include "tools/platen/commands.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

std::string counted(const std::vector<json>& items) {
  std::map<std::string, int> by_lifecycle;
  for (const auto& item : items)
    ++by_lifecycle[text_of(item, "lifecycle")];
  std::string out = std::to_string(items.size());
  std::string detail;
  for (const auto& [lifecycle, count] : by_lifecycle)
    detail += (detail.empty() ? "" : ", ") + std::to_string(count) + " " + lifecycle;
  return out + (detail.empty() ? "" : " (" + detail + ")");
}

std::vector<std::pair<std::string, std::string>> health_fields(const json& health) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const char* member : {"hypervisor", "accelerator"})
    fields.emplace_back(member, text_of(health, member));
  for (const char* group : {"versions", "checks"}) {
    const auto members = health.value(group, json::object());
    for (const auto& [name, value] : members.items())
      fields.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return fields;
}

result<void> healthz(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto health = api->send(method::get, "/v1/healthz");
  if (!health) return tl::unexpected(health.error());
  if (ctx.json)
    print_json(health->data);
  else
    print_fields(health_fields(health->data));
  return {};
}

result<void> status(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto health = api->send(method::get, "/v1/healthz");
  if (!health) return tl::unexpected(health.error());
  const auto vms = fetch_all(*api, instances());
  if (!vms) return tl::unexpected(vms.error());
  const auto frozen = fetch_all(*api, templates());
  if (!frozen) return tl::unexpected(frozen.error());
  if (ctx.json) {
    print_json(
        {{"health", health->data}, {"instances", vms->size()}, {"templates", frozen->size()}});
    return {};
  }
  std::vector<std::pair<std::string, std::string>> fields{{"url", ctx.where()->url}};
  for (const auto& field : health_fields(health->data))
    fields.push_back(field);
  fields.emplace_back("templates", counted(*frozen));
  fields.emplace_back("instances", counted(*vms));
  print_fields(fields);
  return {};
}

}  // namespace

void add_status_commands(CLI::App& app, context& ctx) {
  on_chosen(app.add_subcommand("healthz", "Ask the daemon for its health; needs no token"), ctx,
            [&ctx] { return healthz(ctx); });
  on_chosen(app.add_subcommand("status", "Show the daemon and what it has"), ctx,
            [&ctx] { return status(ctx); });
}

}  // namespace platen::cli
