// platen service autoscale: shows it, sets it, ends it.
#include <memory>

#include "tools/platen/commands.hpp"
#include "tools/platen/input.hpp"
#include "tools/platen/output.hpp"

namespace platen::cli {
namespace {

struct autoscale_wish {
  std::string group;
  std::string template_name;
  std::string template_file;
  std::optional<std::uint32_t> least;
  std::optional<std::uint32_t> most;
  std::uint64_t warmup_ms = 0;
  std::uint64_t cooldown_ms = 0;
  bool on_demand = false;
  std::uint64_t idle_ms = 0;
  std::string file;
  bool off = false;

  bool sets() const { return most || !file.empty(); }
};

// What the options come to; a file says it all.
result<json> body_of(const autoscale_wish& wish) {
  json body = reference_to(wish.group);
  if (!wish.file.empty()) {
    auto given = read_json(wish.file);
    if (!given || !given->is_object())
      return given ? fail(exit_code::usage, wish.file + " holds no JSON object") : given;
    body.update(*given);
    return body;
  }
  if (wish.template_name.empty()) return fail(exit_code::usage, "--template is required");
  body["template"] = reference_to(wish.template_name);
  if (!wish.template_file.empty()) {
    auto args = read_json(wish.template_file);
    if (!args) return args;
    body["template"]["create_args"] = *std::move(args);
    body["template"]["prepare"] = true;
  }
  body["min_size"] = wish.least.value_or(0);
  body["max_size"] = *wish.most;
  if (wish.warmup_ms > 0) body["warmup_time_ms"] = wish.warmup_ms;
  if (wish.cooldown_ms > 0) body["cooldown_time_ms"] = wish.cooldown_ms;
  if (wish.on_demand) body["policies"].push_back({{"name", "on-demand"}, {"type", "on_demand"}});
  if (wish.idle_ms > 0)
    body["policies"].push_back(
        {{"name", "idle"}, {"type", "idle"}, {"idle_time_ms", wish.idle_ms}});
  return body;
}

std::string policies_of(const json& item) {
  std::string out;
  for (const auto& policy : item.value("policies", json::array())) {
    out += (out.empty() ? "" : ", ") + text_of(policy, "name") + " (" + text_of(policy, "type");
    if (policy.contains("idle_time_ms")) out += " " + text_of(policy, "idle_time_ms") + " ms";
    out += ")";
  }
  return out.empty() ? "-" : out;
}

void print(const json& item) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const char* member : {"name", "uuid", "enabled", "size", "min_size", "max_size",
                             "warmup_time_ms", "cooldown_time_ms"})
    fields.emplace_back(member, text_of(item, member));
  if (item.contains("template")) fields.emplace_back("template", text_of(item["template"], "name"));
  fields.emplace_back("policies", policies_of(item));
  print_fields(fields);
}

result<reply> ask(client& api, const autoscale_wish& wish) {
  const std::string path = services().path + "/autoscale";
  const auto group = json::array({reference_to(wish.group)});
  if (wish.off) return api.send(method::remove, path, {}, group);
  if (!wish.sets()) return api.send(method::get, path, query_for(wish.group));
  const auto body = body_of(wish);
  if (!body) return tl::unexpected(body.error());
  return api.send(method::post, path, {}, json::array({*body}));
}

result<void> run(const context& ctx, const autoscale_wish& wish) {
  auto api = ctx.connect();
  if (!api) return tl::unexpected(api.error());
  const auto answer = ask(*api, wish);
  if (!answer) return tl::unexpected(answer.error());
  const auto outcome = sort_items(*answer, services());
  if (outcome.worst) return tl::unexpected(*outcome.worst);
  for (const auto& item : outcome.done) {
    if (ctx.json)
      print_json(item);
    else
      print(item);
  }
  return {};
}

}  // namespace

void add_autoscale_command(CLI::App& group, context& ctx) {
  auto* scale = group.add_subcommand(
      "autoscale", "Show how a service group makes its own instances; with --max, set it");
  const auto wish = std::make_shared<autoscale_wish>();
  scale->add_option("name", wish->group, "Name or UUID of the service group")->required();
  scale->add_option("--template", wish->template_name, "What each instance is a clone of");
  scale->add_option("--create-args", wish->template_file,
                    "File with the create_args the template is made from if there is none");
  scale->add_option("--min", wish->least, "Instances at least");
  auto* most = scale->add_option("--max", wish->most, "Instances at most");
  scale->add_option("--warmup-ms", wish->warmup_ms, "Pause of steps after a scale-out");
  scale->add_option("--cooldown-ms", wish->cooldown_ms, "Pause after a scale-in");
  scale->add_flag("--on-demand", wish->on_demand, "Make one when a request finds none");
  scale->add_option("--idle-ms", wish->idle_ms, "End one that was idle for so long");
  auto* file = scale->add_option("--file", wish->file, "All of it as JSON, '-' for stdin");
  auto* off = scale->add_flag("--off", wish->off, "End it, and the instances it made");
  off->excludes(most)->excludes(file);
  on_chosen(scale, ctx, [&ctx, wish] { return run(ctx, *wish); });
}

}  // namespace platen::cli
