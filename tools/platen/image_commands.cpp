// platen image import|ls|rm|demo
#include <iostream>
#include <memory>

#include "tools/demo_image/demo_image.hpp"
#include "tools/platen/commands.hpp"
#include "tools/platen/output.hpp"
#include "tools/platen/tar_stream.hpp"

namespace platen::cli {
namespace {

namespace fs = std::filesystem;

struct import_wish {
  std::string name;
  std::string source;
  hypervisor::image_config config;
  std::vector<std::string> env;  // "NAME=value"
};

// Only what is set: the rest is the image's own to say.
json to_json(const hypervisor::image_config& config) {
  json out = json::object();
  if (!config.entrypoint.empty()) out["entrypoint"] = config.entrypoint;
  if (!config.cmd.empty()) out["cmd"] = config.cmd;
  if (!config.env.empty()) out["env"] = config.env;
  if (!config.workdir.empty()) out["workdir"] = config.workdir;
  if (!config.user.empty()) out["user"] = config.user;
  return out;
}

result<std::map<std::string, std::string>> environment(const std::vector<std::string>& pairs) {
  std::map<std::string, std::string> env;
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(exit_code::usage, "--env: expected NAME=value, found '" + pair + "'");
    env[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return env;
}

table image_table() {
  return table({"NAME", "SIZE", "AGE", "DIGEST"});
}

void print_row(table& rows, const json& image) {
  rows.add({text_of(image, "url"), human_bytes(image.value("size_in_bytes", std::uint64_t{0})),
            age_of(text_of(image, "created_at")), text_of(image, "digest").substr(0, 19)});
}

result<void> upload(const context& ctx, const std::string& name, const json& config,
                    const client::producer& produce) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  // A refusal that comes in the middle of an upload cannot be read; ask before.
  if (auto allowed = api->send(method::get, "/v1/images"); !allowed)
    return tl::unexpected(allowed.error());
  query parameters{{"name", name}};
  if (!config.empty()) parameters.emplace("config", config.dump());
  const auto answer = api->upload("/v1/images/import", parameters, produce);
  if (!answer) return tl::unexpected(answer.error());
  const auto items = answer->items("images");
  if (items.empty()) return fail(exit_code::failed, "the daemon sent no image");
  if (auto failed = failure_of(items.front(), answer->timed_out)) return tl::unexpected(*failed);
  if (ctx.json) {
    print_json(items.front());
    return {};
  }
  auto rows = image_table();
  print_row(rows, items.front());
  rows.print();
  return {};
}

result<void> import(const context& ctx, const import_wish& wish) {
  std::error_code unreadable;
  const bool folder = fs::is_directory(wish.source, unreadable);
  if (!folder && !fs::is_regular_file(wish.source, unreadable))
    return fail(exit_code::usage, "'" + wish.source + "' is neither an archive nor a folder");
  const auto env = environment(wish.env);
  if (!env) return tl::unexpected(env.error());
  auto config = wish.config;
  config.env = *env;
  return upload(ctx, wish.name, to_json(config), [&](const client::writer& write) {
    return folder ? write_tar(wish.source, write) : write_file(wish.source, write);
  });
}

result<void> make_demo(const context& ctx) {
  const auto archive = demo::build_demo_image_tar();
  if (!archive) return fail(exit_code::failed, archive.error());
  return upload(ctx, std::string(demo::demo_image_name), to_json(demo::demo_image_config()),
                [&](const client::writer& write) -> tl::expected<void, std::string> {
                  if (!write(archive->data(), archive->size())) return tl::unexpected(broken_off);
                  return {};
                });
}

result<void> list(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto answer = api->send(method::get, "/v1/images");
  if (!answer) return tl::unexpected(answer.error());
  const auto images = answer->items("images");
  if (ctx.json) {
    print_json(images);
    return {};
  }
  auto rows = image_table();
  for (const auto& image : images)
    print_row(rows, image);
  rows.print();
  return {};
}

result<void> remove(const context& ctx, const std::vector<std::string>& names) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  json body = json::array();
  for (const auto& name : names)
    body.push_back({{"url", name}});
  const auto answer = api->send(method::remove, "/v1/images", {}, body);
  if (!answer) return tl::unexpected(answer.error());
  for (const auto& item : answer->items("images")) {
    if (auto failed = failure_of(item, answer->timed_out)) return tl::unexpected(*failed);
    if (!ctx.json) std::cout << text_of(item, "url") << '\n';
  }
  if (ctx.json) print_json(answer->items("images"));
  return {};
}

void add_import(CLI::App& group, context& ctx) {
  auto* command = group.add_subcommand(
      "import", "Make an image of a tar archive, a folder, or an OCI image layout");
  const auto wish = std::make_shared<import_wish>();
  command->add_option("name", wish->name, "Name and tag, such as my/app:v1")->required();
  command->add_option("source", wish->source, "Archive or folder")->required();
  command->add_option("--entrypoint", wish->config.entrypoint, "Program and its first arguments")
      ->expected(1)
      ->take_all();
  command->add_option("--cmd", wish->config.cmd, "Further arguments, which instances may replace")
      ->expected(1)
      ->take_all();
  command->add_option("--env", wish->env, "NAME=value")->expected(1)->take_all();
  command->add_option("--workdir", wish->config.workdir, "Working directory");
  command->add_option("--user", wish->config.user, "User: name, uid, name:group or uid:gid");
  on_chosen(command, ctx, [&ctx, wish] { return import(ctx, *wish); });
}

}  // namespace

void add_image_commands(CLI::App& app, context& ctx) {
  auto* group = app.add_subcommand("image", "Root file systems that VMs boot from");
  group->require_subcommand(1);
  add_import(*group, ctx);
  on_chosen(group->add_subcommand("ls", "List images"), ctx, [&ctx] { return list(ctx); });
  auto* rm = group->add_subcommand("rm", "Delete images");
  const auto names = std::make_shared<std::vector<std::string>>();
  rm->add_option("names", *names, "Names")->required();
  on_chosen(rm, ctx, [&ctx, names] { return remove(ctx, *names); });
  on_chosen(
      group->add_subcommand("demo", "Make the demo image, " + std::string(demo::demo_image_name)),
      ctx, [&ctx] { return make_demo(ctx); });
}

}  // namespace platen::cli
