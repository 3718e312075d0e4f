// platen instance|template rm|logs
#include <memory>

#include "tools/platen/commands.hpp"

namespace platen::cli {
namespace {

result<void> remove(const context& ctx, const entity_kind& kind,
                    const std::vector<std::string>& which) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  return remove_all(*api, kind, which, ctx.json);
}

result<void> logs(const context& ctx, const entity_kind& kind, const log_wish& wish) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  return print_log(*api, kind, wish);
}

}  // namespace

void add_entity_commands(CLI::App& group, context& ctx, const entity_kind& kind) {
  auto* rm = group.add_subcommand("rm", "Delete " + kind.noun + "s");
  const auto names = std::make_shared<std::vector<std::string>>();
  rm->add_option("names", *names, "Names or UUIDs")->required();
  on_chosen(rm, ctx, [&ctx, &kind, names] { return remove(ctx, kind, *names); });

  auto* show = group.add_subcommand("logs", "Print the output of a " + kind.noun + "'s workload");
  const auto wish = std::make_shared<log_wish>();
  show->add_option("name", wish->which, "Name or UUID")->required();
  show->add_flag("--console", wish->console, "The kernel's console instead");
  show->add_option("--tail", wish->tail_bytes, "Only the last so many bytes");
  on_chosen(show, ctx, [&ctx, &kind, wish] { return logs(ctx, kind, *wish); });
  add_set_command(group, ctx, kind);
}

}  // namespace platen::cli
