// platen template hash|render|prepare: templates as files describe them.
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/input.hpp"
#include "tools/platen/output.hpp"
#include "tools/platen/progress.hpp"
#include "tools/platen/template_spec.hpp"

namespace platen::cli {
namespace {

result<void> hash(const context& ctx, const std::string& file) {
  const auto args = read_json(file).and_then(create_args_in);
  if (!args) return tl::unexpected(args.error());
  const auto name = hash_name(*args);
  if (ctx.json)
    print_json({{"name", name}});
  else
    print_lines(name);
  return {};
}

result<void> render_file(const context& ctx, const std::string& file) {
  const auto levels = read_json(file).and_then(render);
  if (!levels) return tl::unexpected(levels.error());
  json all = json::array();
  for (const auto& level : *levels)
    all.push_back({{"what", level.what}, {"effective", level.effective}});
  if (ctx.json) {
    print_json(all);
    return {};
  }
  for (const auto& level : *levels)
    print_lines(level.what + "\n" + level.effective.dump(2));
  return {};
}

struct prepare_wish {
  std::string file;
  std::string name;
  std::uint64_t autokill_ms = 0;
  std::int64_t timeout_s = 0;
};

// A template is made by a create; its instance is never started and goes again.
json create_for(const prepare_wish& wish, const std::string& name, const json& args) {
  json block{{"name", name}, {"prepare", true}, {"create_args", args}};
  if (wish.timeout_s > 0) block["prepare_timeout_s"] = wish.timeout_s;
  if (wish.autokill_ms > 0) block["autokill"] = {{"time_ms", wish.autokill_ms}};
  return {{"template", std::move(block)}, {"autostart", false}};
}

result<void> prepare(const context& ctx, const prepare_wish& wish) {
  const auto args = read_json(wish.file).and_then(create_args_in);
  if (!args) return tl::unexpected(args.error());
  const auto name = wish.name.empty() ? hash_name(*args) : wish.name;
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  watched what;
  what.template_name = name;
  auto shown = ctx.shows_progress() ? progress::follow(*ctx.where(), what) : nullptr;
  const auto answer = api->send(method::post, "/v1/instances", {}, create_for(wish, name, *args));
  shown.reset();
  if (!answer) return tl::unexpected(answer.error());
  print_warnings(*answer);
  const auto items = answer->items("instances");
  if (items.empty()) return fail(exit_code::failed, "the daemon sent no instance");
  const auto failed = failure_of(items.front(), answer->timed_out);
  if (items.front().contains("uuid")) {
    const auto removed = api->send(method::remove, "/v1/instances", {},
                                   json::array({{{"uuid", items.front()["uuid"]}}}));
    if (!removed) return tl::unexpected(removed.error());
  }
  if (failed) return tl::unexpected(*failed);
  const auto made = fetch_one(*api, templates(), name);
  if (!made) return tl::unexpected(made.error());
  if (ctx.json)
    print_json(*made);
  else
    print_lines(name);
  return {};
}

}  // namespace

void add_template_file_commands(CLI::App& group, context& ctx) {
  const auto file = std::make_shared<std::string>();
  const std::string holds = "create_args, a template block or a create body (- for stdin)";
  auto* hashed = group.add_subcommand("hash", "Print the name that a hash of create_args gives");
  hashed->add_option("file", *file, holds)->required();
  on_chosen(hashed, ctx, [&ctx, file] { return hash(ctx, *file); });

  auto* rendered = group.add_subcommand(
      "render", "Print what each level of a create body comes to, with all it has from below");
  rendered->add_option("file", *file, "A body of POST /v1/instances (- for stdin)")->required();
  on_chosen(rendered, ctx, [&ctx, file] { return render_file(ctx, *file); });

  auto* prepared = group.add_subcommand("prepare", "Make a template ready, without an instance");
  const auto wish = std::make_shared<prepare_wish>();
  prepared->add_option("file", wish->file, holds)->required();
  prepared->add_option("--name", wish->name, "Its name; default: as `platen template hash`");
  prepared->add_option("--autokill", wish->autokill_ms,
                       "Delete it when it was not cloned for so many milliseconds");
  prepared->add_option("--timeout", wish->timeout_s, "Give up after so many seconds");
  on_chosen(prepared, ctx, [&ctx, wish] { return prepare(ctx, *wish); });
}

}  // namespace platen::cli
