#include "http/create/autoscale_reader.hpp"

#include "http/create/template_reader.hpp"
#include "http/request/text_rules.hpp"

namespace platen::http {
namespace {

using actors::service_group::autoscale_policies_limit;
using actors::service_group::autoscale_size_limit;
using actors::service_group::autoscale_steps_limit;
using nlohmann::json;

constexpr std::int64_t time_ms_limit = 24ll * 3600 * 1000;  // a day
constexpr std::int64_t metric_limit = 1'000'000'000;
constexpr std::int64_t adjustment_limit = 1'000;

std::uint64_t read_time_ms(object_reader& reader, std::string_view member) {
  return static_cast<std::uint64_t>(reader.integer(member, 0, time_ms_limit).value_or(0));
}

events::scale_step read_step(const json& value, std::string path, first_problem& problem) {
  object_reader reader(value, std::move(path), problem);
  events::scale_step made;
  if (const auto bound = reader.integer("lower_bound", 0, metric_limit)) {
    made.has_lower = true;
    made.lower = static_cast<std::uint64_t>(*bound);
  }
  if (const auto bound = reader.integer("upper_bound", 0, metric_limit)) {
    made.has_upper = true;
    made.upper = static_cast<std::uint64_t>(*bound);
  }
  if (!reader.has("adjustment")) reader.report("adjustment", "is required");
  made.adjustment = static_cast<std::int32_t>(
      reader.integer("adjustment", -adjustment_limit, adjustment_limit).value_or(0));
  reader.refuse_others();
  return made;
}

void read_steps(object_reader& reader, events::scale_policy& into) {
  into.metric = reader.text("metric", 64).value_or("");
  if (into.metric == "cpu") reader.report("metric", "'cpu' is not supported yet");
  into.adjustment_type = reader.text("adjustment_type", 64).value_or("change");
  // The reference's two sources spell it differently.
  if (into.adjustment_type == "percentage") into.adjustment_type = "percent";
  const auto* steps = reader.array("steps", autoscale_steps_limit);
  if (steps == nullptr) return;
  for (const auto& step : *steps)
    into.steps.push_back(
        read_step(step, reader.path_of("steps") + "[" + std::to_string(into.steps.size()) + "]",
                  reader.problem()));
}

// What its instances are: the template beside the sizes, or in create_args.
void read_what_is_made(object_reader& item, create_request& into) {
  const bool beside = item.has("template");
  if (const auto* given = item.object("create_args")) {
    if (beside) return item.report("create_args", "and 'template' cannot both be given");
    object_reader args(*given, item.path_of("create_args"), item.problem());
    read_template(args, into);
    into.roms = read_roms(args);
    args.refuse_others();
  } else {
    read_template(item, into);
  }
  if (!into.wish.from) item.report("template", "is required");
}

}  // namespace

events::scale_policy read_policy(const json& value, std::string path, first_problem& problem) {
  object_reader reader(value, std::move(path), problem);
  events::scale_policy made;
  made.name = reader.text("name", name_limit).value_or("");
  if (!is_name(made.name)) reader.report("name", "must be " + std::string(name_rule));
  made.kind = reader.text("type", 64).value_or("");
  made.enabled = reader.boolean("enabled").value_or(true);
  if (made.kind == "step") {
    read_steps(reader, made);
  } else if (made.kind == "idle") {
    made.idle_ms = read_time_ms(reader, "idle_time_ms");
  } else if (made.kind == "create") {
    reader.report("type", "'create' is not supported yet");
  } else if (made.kind != "on_demand") {
    reader.report("type", "must be 'step', 'on_demand' or 'idle'");
  }
  reader.refuse_others();
  return made;
}

void read_autoscale(object_reader& item, autoscale_request& into) {
  auto& how = into.how;
  const auto size = [&](std::string_view member, std::int64_t least) {
    return static_cast<std::uint32_t>(
        item.integer(member, least, autoscale_size_limit).value_or(least));
  };
  how.min_size = size("min_size", 0);
  how.max_size = size("max_size", 1);
  if (!item.has("max_size")) item.report("max_size", "is required");
  how.warmup_ms = read_time_ms(item, "warmup_time_ms");
  how.cooldown_ms = read_time_ms(item, "cooldown_time_ms");
  if (const auto* policies = item.array("policies", autoscale_policies_limit))
    for (const auto& policy : *policies)
      how.policies.push_back(read_policy(
          policy, item.path_of("policies") + "[" + std::to_string(how.policies.size()) + "]",
          item.problem()));
  item.not_supported_yet({"high_watermark"});
  read_what_is_made(item, into.made_of);
}

}  // namespace platen::http
