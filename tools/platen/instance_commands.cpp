// platen instance create|ls|get|rm|logs|wait|start|stop|metrics
#include <boost/uuid/uuid_generators.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "tools/platen/commands.hpp"
#include "tools/platen/create_body.hpp"
#include "tools/platen/entity.hpp"
#include "tools/platen/output.hpp"
#include "tools/platen/progress.hpp"

namespace platen::cli {
namespace {

// "443 -> 127.0.0.1:40001, 80 -> ...", or "-".
std::string addresses_of(const json& instance) {
  std::string out;
  for (const auto& service : instance.value("services", json::array())) {
    if (!service.is_object()) continue;
    const auto address = text_of(service, "address");
    out += (out.empty() ? "" : ", ") + text_of(service, "port") +
           (address == "-" ? "" : " -> " + address);
  }
  return out.empty() ? "-" : out;
}

std::string origin_of(const json& instance) {
  const auto from = instance.value("template", json::object());
  return from.empty() ? text_of(instance, "image") : "template " + text_of(from, "name");
}

void print_row(table& rows, const json& instance) {
  rows.add({text_of(instance, "name"), text_of(instance, "lifecycle"), origin_of(instance),
            addresses_of(instance), age_of(text_of(instance, "created_at")),
            text_of(instance, "uuid")});
}

table instance_table() {
  return table({"NAME", "LIFECYCLE", "FROM", "SERVICES", "AGE", "UUID"});
}

void print_details(const json& instance) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const char* member :
       {"name", "uuid", "state", "lifecycle", "lifecycle_since", "image", "memory_mb", "vcpus",
        "accelerator", "pid", "attempt", "generation_id", "created_at"})
    if (const auto text = text_of(instance, member); text != "-") fields.emplace_back(member, text);
  fields.emplace_back("from", origin_of(instance));
  fields.emplace_back("services", addresses_of(instance));
  if (const auto failed = instance.find("failure"); failed != instance.end() && failed->is_object())
    fields.emplace_back("failure", text_of(*failed, "stage") + ": " + text_of(*failed, "reason"));
  print_fields(fields);
}

// ---- create ------------------------------------------------------------------------------------

watched watched_in(const json& body) {
  watched what;
  what.instance_name = body.value("name", std::string());
  if (const auto block = body.find("template"); block != body.end() && block->is_object())
    what.template_name = block->value("name", std::string());
  return what;
}

// The key that makes a repetition of this very request harmless.
std::string random_key() {
  return boost::uuids::to_string(boost::uuids::random_generator()());
}

result<void> create(const context& ctx, const create_wish& wish, std::string key) {
  const auto body = create_body(wish);
  if (!body) return tl::unexpected(body.error());
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  auto shown = ctx.shows_progress() ? progress::follow(*ctx.where(), watched_in(*body)) : nullptr;
  if (key.empty()) key = random_key();
  const auto answer = api->send(method::post, "/v1/instances", {}, *body, key);
  shown.reset();
  if (!answer && answer.error().code == exit_code::unreachable)
    return fail(exit_code::unreachable,
                answer.error().message +
                    "; if it was reached, the same command with --idempotency-key " + key +
                    " gives the same instance");
  if (!answer) return tl::unexpected(answer.error());
  print_warnings(*answer);
  const auto items = answer->items("instances");
  if (items.empty()) return fail(exit_code::failed, "the daemon sent no instance");
  if (ctx.json) print_json(items.front());
  if (auto failed = failure_of(items.front(), answer->timed_out)) return tl::unexpected(*failed);
  if (ctx.json) return {};
  auto rows = instance_table();
  print_row(rows, items.front());
  rows.print();
  return {};
}

void add_create(CLI::App& group, context& ctx) {
  auto* command = group.add_subcommand("create", "Create an instance, and its template if need be");
  const auto wish = std::make_shared<create_wish>();
  command->add_option("--name", wish->name, "Name of the instance; made up if missing");
  command->add_option("--template", wish->template_name, "Clone this template");
  command->add_option("--from", wish->from,
                      "Prepare the template from this image if it is missing");
  command->add_option("--prepare-timeout", wish->prepare_timeout,
                      "Give the preparation up after this time (60s, 5m); default: never");
  command->add_option("--autokill", wish->autokill_ms,
                      "Delete the template when it was not cloned for so many milliseconds");
  command->add_option("--image", wish->image, "Boot this image, without a template");
  command->add_option("--file", wish->file, "Send this JSON body instead (- for standard input)");
  command->add_option("--rom", wish->roms, "NAME=AT=DIR|FILE: files mounted read-only at AT");
  command->add_option("--rom-text", wish->rom_texts, "/AT/FILE=text: a file with this text");
  command->add_option("--env", wish->env, "NAME=value, merged over the image's environment");
  command->add_option("--memory", wish->memory_mb, "Memory in MiB");
  command->add_option("--vcpus", wish->vcpus, "Virtual processors");
  command->add_option("--service", wish->service_group, "Join this service group: name or UUID");
  command->add_option("--port", wish->ports,
                      "PORT[:GUEST_PORT][/HANDLERS], such as 443:8080/tls+http");
  command->add_option("--scale-to-zero", wish->scale_to_zero,
                      "on|idle[,stateful][,cooldown=MS][,notify=MS]: sleep when nobody needs it");
  command->add_option("--timeout", wish->timeout_s, "Wait at most so many seconds until it runs");
  command->add_flag("--wait", wish->wait, "Wait until it runs");
  command->add_flag("--no-start", wish->no_start, "Create it without starting it");
  const auto key = std::make_shared<std::string>();
  command->add_option("--idempotency-key", *key,
                      "The same command with the same key gives the same instance; made up if "
                      "missing");
  command->add_option("args", wish->args, "Arguments instead of the image's own (after --)");
  on_chosen(command, ctx, [&ctx, wish, key] { return create(ctx, *wish, *key); });
}

// ---- wait, start, stop -------------------------------------------------------------------------

struct wait_wish {
  std::string which;
  std::string state = "running";
  std::int64_t timeout_s = -1;
};

result<void> wait(const context& ctx, const wait_wish& wish) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto now = fetch_one(*api, instances(), wish.which);
  if (!now) return tl::unexpected(now.error());
  watched what;
  what.instance_name = text_of(*now, "name");
  what.instance_stream = "instance/" + text_of(*now, "uuid");
  what.template_name = now->value("template", json::object()).value("name", std::string());
  auto shown = ctx.shows_progress() ? progress::follow(*ctx.where(), what) : nullptr;
  const auto answer =
      api->send(method::get, "/v1/instances/" + text_of(*now, "uuid") + "/wait",
                {{"state", wish.state}, {"timeout_s", std::to_string(wish.timeout_s)}});
  shown.reset();
  if (!answer) return tl::unexpected(answer.error());
  const auto items = answer->items("instances");
  if (items.empty()) return fail(exit_code::failed, "the daemon sent no instance");
  if (ctx.json) print_json(items.front());
  if (auto failed = failure_of(items.front(), answer->timed_out)) return tl::unexpected(*failed);
  if (!ctx.json) std::cout << text_of(items.front(), "state") << '\n';
  return {};
}

void add_wait(CLI::App& group, context& ctx) {
  auto* command = group.add_subcommand("wait", "Wait until an instance is in a state");
  const auto wish = std::make_shared<wait_wish>();
  command->add_option("name", wish->which, "Name or UUID")->required();
  command->add_option("--state", wish->state, "running (default), stopped, standby, starting, ...");
  command->add_option("--timeout", wish->timeout_s, "Seconds; default: for ever");
  on_chosen(command, ctx, [&ctx, wish] { return wait(ctx, *wish); });
}

struct change_wish {
  std::vector<std::string> which;
  bool force = false;
  std::optional<std::int64_t> drain_ms;
  bool wait = false;
  std::optional<std::int64_t> timeout_s;
};

// Of one instance also what its template is being prepared for; of several there is no one stage.
std::unique_ptr<progress> shown_start(const context& ctx, const change_wish& wish) {
  if (!wish.wait || wish.which.size() != 1 || !ctx.shows_progress()) return nullptr;
  watched what;
  what.instance_name = wish.which.front();
  if (is_uuid(wish.which.front())) what.instance_stream = "instance/" + wish.which.front();
  return progress::follow(*ctx.where(), what);
}

result<void> change(const context& ctx, const std::string& verb, const change_wish& wish) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  json body = json::array();
  for (const auto& one : wish.which) {
    body.push_back(reference_to(one));
    if (wish.force) body.back()["force"] = true;
    if (wish.drain_ms) body.back()["drain_timeout_ms"] = *wish.drain_ms;
    if (wish.wait) body.back()["timeout_s"] = wish.timeout_s.value_or(-1);
  }
  auto shown = shown_start(ctx, wish);
  const auto answer = api->send(method::put, "/v1/instances/" + verb, {}, body);
  shown.reset();
  if (!answer) return tl::unexpected(answer.error());
  return print_outcome(sort_items(*answer), ctx.json, [](const json& item) {
    return text_of(item, "name") + "  " + text_of(item, "previous_state") + " -> " +
           text_of(item, "state");
  });
}

struct convert_wish {
  std::vector<std::string> which;
  std::optional<std::uint64_t> autokill_ms;
};

result<void> convert(const context& ctx, const convert_wish& wish) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  json body = json::array();
  for (const auto& one : wish.which) {
    body.push_back(reference_to(one));
    if (wish.autokill_ms) body.back()["autokill"] = {{"time_ms", *wish.autokill_ms}};
  }
  const auto answer = api->send(method::post, "/v1/instances/templates", {}, body);
  if (!answer) return tl::unexpected(answer.error());
  return print_outcome(sort_items(*answer), ctx.json, [](const json& item) {
    return text_of(item, "name") + "  " + text_of(item, "state");
  });
}

void add_convert(CLI::App& group, context& ctx) {
  auto* command = group.add_subcommand(
      "convert", "Make templates of instances: with their memory if they run, else cold");
  const auto wish = std::make_shared<convert_wish>();
  command->add_option("names", wish->which, "Names or UUIDs")->required();
  command->add_option("--autokill", wish->autokill_ms,
                      "Delete the template when it was not cloned for so many milliseconds");
  on_chosen(command, ctx, [&ctx, wish] { return convert(ctx, *wish); });
}

void add_start_and_stop(CLI::App& group, context& ctx) {
  const std::map<std::string, std::string> verbs = {
      {"start", "Start stopped instances, suspended ones from their memory"},
      {"stop", "Stop instances"},
      {"suspend", "Put running instances to sleep with their memory"}};
  for (const auto& [verb, text] : verbs) {
    auto* command = group.add_subcommand(verb, text);
    const auto wish = std::make_shared<change_wish>();
    command->add_option("names", wish->which, "Names or UUIDs")->required();
    if (verb == "stop") command->add_flag("--force", wish->force, "Do not ask the guest first");
    if (verb != "start")
      command->add_option("--drain", wish->drain_ms,
                          "Wait so many milliseconds for requests in flight; -1: an hour");
    if (verb == "start") {
      auto* wait = command->add_flag("--wait", wish->wait, "Wait until they run");
      command->add_option("--timeout", wish->timeout_s, "Wait at most so many seconds")
          ->needs(wait);
    }
    on_chosen(command, ctx, [&ctx, verb = verb, wish] { return change(ctx, verb, *wish); });
  }
}

// ---- ls, get -----------------------------------------------------------------------------------

result<void> list(const context& ctx) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto all = fetch_all(*api, instances());
  if (!all) return tl::unexpected(all.error());
  if (ctx.json) {
    print_json(*all);
    return {};
  }
  auto rows = instance_table();
  for (const auto& instance : *all)
    print_row(rows, instance);
  rows.print();
  return {};
}

result<void> get(const context& ctx, const std::string& which) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto instance = fetch_one(*api, instances(), which);
  if (!instance) return tl::unexpected(instance.error());
  if (ctx.json)
    print_json(*instance);
  else
    print_details(*instance);
  return {};
}

}  // namespace

void add_instance_commands(CLI::App& app, context& ctx) {
  auto* group = app.add_subcommand("instance", "Virtual machines");
  group->require_subcommand(1);
  add_create(*group, ctx);
  on_chosen(group->add_subcommand("ls", "List instances"), ctx, [&ctx] { return list(ctx); });
  auto* show = group->add_subcommand("get", "Show one instance");
  const auto which = std::make_shared<std::string>();
  show->add_option("name", *which, "Name or UUID")->required();
  on_chosen(show, ctx, [&ctx, which] { return get(ctx, *which); });
  add_wait(*group, ctx);
  add_start_and_stop(*group, ctx);
  add_convert(*group, ctx);
  add_instance_metrics_command(*group, ctx);
  add_entity_commands(*group, ctx, instances());
}

}  // namespace platen::cli
