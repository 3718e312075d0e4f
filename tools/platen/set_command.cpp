// platen instance|template set
#include <memory>
#include <optional>

#include "tools/platen/commands.hpp"
#include "tools/platen/create_body.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

struct set_wish {
  std::string which;
  std::optional<std::uint64_t> autokill_ms;
  std::optional<std::uint64_t> autokill_requests;
  std::string scale_to_zero;
  std::vector<std::string> tags;
  std::vector<std::string> untags;
  bool lock = false;
  bool unlock = false;
};

result<json> items_of(const set_wish& wish) {
  json items = json::array();
  const auto add = [&](const char* prop, const char* op, json value) {
    auto item = reference_to(wish.which);
    item.update({{"prop", prop}, {"op", op}, {"value", std::move(value)}});
    items.push_back(std::move(item));
  };
  if (wish.lock || wish.unlock) add("delete_lock", "set", wish.lock);
  if (wish.autokill_ms || wish.autokill_requests) {
    json autokill = json::object();
    if (wish.autokill_ms) autokill["time_ms"] = *wish.autokill_ms;
    if (wish.autokill_requests) autokill["num_requests"] = *wish.autokill_requests;
    add("autokill", "set", std::move(autokill));
  }
  if (!wish.scale_to_zero.empty()) {
    auto scaling = scale_to_zero_of(wish.scale_to_zero);
    if (!scaling) return scaling;
    add("scale_to_zero", "set", *std::move(scaling));
  }
  if (!wish.tags.empty()) add("tags", "add", wish.tags);
  if (!wish.untags.empty()) add("tags", "del", wish.untags);
  if (items.empty())
    return fail(exit_code::usage, "give at least one option, such as --lock, --autokill or --tag");
  return items;
}

result<void> set(const context& ctx, const entity_kind& kind, const set_wish& wish) {
  const auto items = items_of(wish);
  if (!items) return tl::unexpected(items.error());
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto answer = api->send(method::patch, kind.path, {}, *items);
  if (!answer) return tl::unexpected(answer.error());
  const auto outcome = sort_items(*answer);
  if (outcome.worst) return tl::unexpected(*outcome.worst);
  const auto now = fetch_one(*api, kind, wish.which);
  if (!now) return tl::unexpected(now.error());
  if (ctx.json)
    print_json(*now);
  else
    print_lines(text_of(*now, "name"));
  return {};
}

}  // namespace

void add_set_command(CLI::App& group, context& ctx, const entity_kind& kind) {
  auto* command = group.add_subcommand("set", "Change what may be changed of a " + kind.noun);
  const auto wish = std::make_shared<set_wish>();
  command->add_option("name", wish->which, "Name or UUID")->required();
  auto* lock = command->add_flag("--lock", wish->lock, "Refuse to delete it");
  command->add_flag("--unlock", wish->unlock, "Let it be deleted again")->excludes(lock);
  command->add_option("--autokill", wish->autokill_ms,
                      "Delete it after so many unused milliseconds; 0: never");
  if (kind.noun == "instance") {
    command->add_option("--autokill-requests", wish->autokill_requests,
                        "Delete it after it has served so many requests; 0: never");
    command->add_option("--scale-to-zero", wish->scale_to_zero,
                        "on|idle|off[,stateful][,cooldown=MS]: sleep when nobody needs it");
  }
  command->add_option("--tag", wish->tags, "Add this tag");
  command->add_option("--untag", wish->untags, "Take this tag away");
  on_chosen(command, ctx, [&ctx, &kind, wish] { return set(ctx, kind, *wish); });
}

}  // namespace platen::cli
