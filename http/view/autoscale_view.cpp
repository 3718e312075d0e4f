#include "http/view/entity_view.hpp"

namespace platen::http {

json_object policy_json(const events::scale_policy& value) {
  json_object into{{"name", value.name}, {"type", value.kind}, {"enabled", value.enabled}};
  if (value.kind == "idle") into["idle_time_ms"] = value.idle_ms;
  if (value.kind != "step") return into;
  into["metric"] = value.metric;
  into["adjustment_type"] = value.adjustment_type;
  into["steps"] = json_object::array();
  for (const auto& step : value.steps) {
    json_object one;
    if (step.has_lower) one["lower_bound"] = step.lower;
    if (step.has_upper) one["upper_bound"] = step.upper;
    one["adjustment"] = step.adjustment;
    into["steps"].push_back(std::move(one));
  }
  return into;
}

json_object autoscale_json(const actors::service_group::state& value) {
  if (!value.scaling) return {{"enabled", false}};
  const auto& how = *value.scaling;
  json_object into{{"enabled", true},
                   {"min_size", how.min_size},
                   {"max_size", how.max_size},
                   {"size", value.scaled.size() - value.leaving.size()},
                   {"warmup_time_ms", how.warmup_ms},
                   {"cooldown_time_ms", how.cooldown_ms},
                   {"template", {{"uuid", how.template_id}, {"name", how.template_name}}},
                   {"policies", json_object::array()}};
  for (const auto& policy : how.policies)
    into["policies"].push_back(policy_json(policy));
  return into;
}

}  // namespace platen::http
