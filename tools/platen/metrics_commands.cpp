// platen metrics, platen instance metrics
#include <iostream>
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

// Prometheus text as the daemon sends it.
result<void> print_daemon_metrics(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  return api->lines("/v1/metrics", {}, [](const std::string& line) {
    std::cout << line << '\n';
    return true;
  });
}

void print_figures(const json& metrics) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& [member, value] : metrics.items())
    if (member != "status") fields.emplace_back(member, text_of(metrics, member));
  print_fields(fields);
}

result<void> print_instance_metrics(const context& ctx, const std::vector<std::string>& which) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  std::optional<json> body;
  if (!which.empty()) body = json::array();
  for (const auto& one : which)
    body->push_back(reference_to(one));
  const auto answer = api->send(method::get, "/v1/instances/metrics", {}, body);
  if (!answer) return tl::unexpected(answer.error());
  const auto outcome = sort_items(*answer);
  if (ctx.json) print_json(outcome.done);
  bool first = true;
  for (const auto& one : outcome.done) {
    if (ctx.json) break;
    if (!std::exchange(first, false)) std::cout << '\n';
    print_figures(one);
  }
  if (outcome.worst) return tl::unexpected(*outcome.worst);
  return {};
}

}  // namespace

void add_metrics_command(CLI::App& app, context& ctx) {
  on_chosen(app.add_subcommand("metrics", "The daemon's metrics, as Prometheus reads them"), ctx,
            [&ctx] { return print_daemon_metrics(ctx); });
}

void add_instance_metrics_command(CLI::App& group, context& ctx) {
  auto* command = group.add_subcommand("metrics", "What instances use: memory, CPU, requests");
  const auto which = std::make_shared<std::vector<std::string>>();
  command->add_option("names", *which, "Names or UUIDs; none: all");
  on_chosen(command, ctx, [&ctx, which] { return print_instance_metrics(ctx, *which); });
}

}  // namespace platen::cli
