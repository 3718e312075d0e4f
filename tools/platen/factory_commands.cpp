// platen factory init|status|destroy: the host's default template, as Kata's `kata-ctl factory`.
#include <memory>
#include <optional>

#include "tools/platen/commands.hpp"
#include "tools/platen/output.hpp"
#include "tools/platen/progress.hpp"

namespace platen::cli {
namespace {

result<json> only_item(const result<reply>& answer) {
  if (!answer) return tl::unexpected(answer.error());
  const auto items = answer->items(factories().list);
  if (items.empty()) return fail(exit_code::failed, "the daemon sent no factory");
  if (auto failed = failure_of(items.front(), answer->timed_out)) return tl::unexpected(*failed);
  return items.front();
}

void print_state(const json& factory) {
  const bool on = factory.value("state", "") == "on";
  print_lines(on ? "VM factory is on" : "VM factory is off: " + text_of(factory, "why"));
  std::vector<std::pair<std::string, std::string>> fields;
  for (const char* member : {"image", "memory_mb", "vcpus", "template_path", "clone_count"})
    if (factory.contains(member)) fields.emplace_back(member, text_of(factory, member));
  if (const auto of = factory.find("template"); of != factory.end())
    fields.emplace_back("template", text_of(*of, "name") + " (" + text_of(*of, "uuid") + ")");
  print_fields(fields);
}

result<void> init(const context& ctx, std::optional<std::int64_t> timeout_s) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto before = only_item(api->send(method::get, factories().path));
  if (!before) return tl::unexpected(before.error());
  watched what;
  what.template_name = text_of(*before, "name");
  auto shown = ctx.shows_progress() ? progress::follow(*ctx.where(), what) : nullptr;
  const auto answer =
      api->send(method::post, factories().path, {}, json{{"timeout_s", timeout_s.value_or(-1)}});
  shown.reset();
  const auto made = only_item(answer);
  if (!made) return tl::unexpected(made.error());
  if (ctx.json)
    print_json(*made);
  else if (before->value("state", "") == "on")
    print_lines("VM factory was initialized already");
  else if (made->value("state", "") == "on")
    print_lines("VM factory initialized");
  else
    print_lines("VM factory is being initialized");
  return {};
}

// Off is exit code 1, so that a script need not read the text.
result<void> status(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto now = only_item(api->send(method::get, factories().path));
  if (!now) return tl::unexpected(now.error());
  if (ctx.json)
    print_json(*now);
  else
    print_state(*now);
  if (now->value("state", "") != "on") return fail(exit_code::failed, "");
  return {};
}

std::string told_of_destruction(const json& factory) {
  if (!factory.value("destroyed", false)) return "VM factory was off: there was no template";
  const auto held_by = factory.value("held_by", std::uint64_t{0});
  if (held_by == 0) return "VM factory destroyed";
  return "VM factory destroyed; its files go with the last of the " + std::to_string(held_by) +
         " instances that were cloned from it";
}

result<void> destroy(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto gone = only_item(api->send(method::remove, factories().path));
  if (!gone) return tl::unexpected(gone.error());
  if (ctx.json)
    print_json(*gone);
  else
    print_lines(told_of_destruction(*gone));
  return {};
}

}  // namespace

void add_factory_commands(CLI::App& app, context& ctx) {
  auto* group = app.add_subcommand(
      "factory", "The host's default template: the section [factory] of platend's configuration");
  group->require_subcommand(1);
  auto* made = group->add_subcommand("init", "Prepare it, if it is not there");
  const auto timeout_s = std::make_shared<std::optional<std::int64_t>>();
  made->add_option("--timeout", *timeout_s,
                   "Wait at most so many seconds; default: until it is done")
      ->check(CLI::NonNegativeNumber);
  on_chosen(made, ctx, [&ctx, timeout_s] { return init(ctx, *timeout_s); });
  on_chosen(
      group->add_subcommand("status", "Whether it is on, and why not; exit code 1 if it is off"),
      ctx, [&ctx] { return status(ctx); });
  on_chosen(group->add_subcommand("destroy", "Delete it; instances cloned from it go on"), ctx,
            [&ctx] { return destroy(ctx); });
}

}  // namespace platen::cli
