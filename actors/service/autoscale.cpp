#include "actors/service/autoscale.hpp"

#include <algorithm>
#include <set>

#include "actors/service/state.hpp"

namespace platen::actors::service_group {

namespace {

std::optional<std::string> fault_of_steps(const events::scale_policy& policy) {
  const auto at = "policies: '" + policy.name + "': ";
  if (policy.metric != "inflight_reqs" && policy.metric != "reqs_per_sec")
    return at + "metric must be 'inflight_reqs' or 'reqs_per_sec'";
  if (policy.adjustment_type != "change" && policy.adjustment_type != "exact" &&
      policy.adjustment_type != "percent")
    return at + "adjustment_type must be 'change', 'exact' or 'percent'";
  if (policy.steps.empty() || policy.steps.size() > autoscale_steps_limit)
    return at + "steps must be 1 to " + std::to_string(autoscale_steps_limit);
  for (std::size_t i = 0; i < policy.steps.size(); ++i) {
    const auto& step = policy.steps[i];
    const bool first = i == 0;
    const bool last = i + 1 == policy.steps.size();
    if ((!first && !step.has_lower) || (!last && !step.has_upper))
      return at + "steps: only the first may lack lower_bound, only the last upper_bound";
    if (step.has_lower && step.has_upper && step.lower >= step.upper)
      return at + "steps: lower_bound must be below upper_bound";
    if (!first && step.lower != policy.steps[i - 1].upper)
      return at + "steps must follow one another without gap or overlap";
  }
  return std::nullopt;
}

std::optional<std::string> fault_of(const events::scale_policy& policy) {
  const auto at = "policies: '" + policy.name + "': ";
  if (policy.name.empty()) return "policies: name is required";
  if (policy.kind == "on_demand") return std::nullopt;
  if (policy.kind == "idle") {
    if (policy.idle_ms == 0) return at + "idle_time_ms must be at least 1";
    return std::nullopt;
  }
  if (policy.kind == "step") return fault_of_steps(policy);
  return at + "type must be 'step', 'on_demand' or 'idle'";
}

// The metric is of one instance on average, so that a group of any size has the same steps.
std::uint64_t metric_of(const events::scale_policy& policy, const load& seen, std::size_t size) {
  std::uint64_t all = seen.requests_per_second;
  if (policy.metric == "inflight_reqs") {
    all = 0;
    for (const auto& one : seen.members)
      all += one.in_flight;
  }
  return size == 0 ? all : (all + size - 1) / size;
}

std::int64_t adjusted(const events::scale_policy& policy, std::int64_t adjustment,
                      std::int64_t size) {
  if (policy.adjustment_type == "exact") return adjustment;
  if (policy.adjustment_type == "change") return size + adjustment;
  const auto change = size * adjustment / 100;
  if (change != 0 || adjustment == 0) return size + change;
  return size + (adjustment > 0 ? 1 : -1);
}

class scaler {
 public:
  scaler(const state& now, const load& seen, const std::vector<std::string>& new_ids,
         std::int64_t now_us)
      : now_(now), how_(*now.scaling), seen_(seen), new_ids_(new_ids), now_us_(now_us) {
    for (const auto& id : now.scaled)
      if (!now.leaving.contains(id)) counted_.insert(id);
  }

  std::vector<events::event> decide() {
    replace_failed();
    if (may_grow() && counted_.size() < how_.min_size)
      grow_to(how_.min_size, "min_size", "there are " + std::to_string(counted_.size()));
    for (const auto& policy : how_.policies)
      if (policy.enabled) apply(policy);
    return std::move(events_);
  }

 private:
  void replace_failed() {
    for (const auto& one : seen_.members) {
      if (!one.failed || !counted_.contains(one.instance_id)) continue;
      end(one.instance_id, std::string(failure_policy), "it ended, or could not be made");
      one_failed_ = true;
    }
  }

  void apply(const events::scale_policy& policy) {
    if (policy.kind == "on_demand") {
      const bool one_is_coming = std::any_of(counted_.begin(), counted_.end(),
                                             [&](const auto& id) { return !is_ready(id); });
      if (seen_.demand && !one_is_coming && may_grow())
        grow_to(counted_.size() + 1, policy.name, "a request found no instance for it");
    } else if (policy.kind == "idle") {
      for (const auto& one : seen_.members)
        if (is_idle(one) && one.idle_ms >= policy.idle_ms && may_shrink())
          end(one.instance_id, policy.name, "idle for " + std::to_string(one.idle_ms) + " ms");
    } else {
      step(policy);
    }
  }

  void step(const events::scale_policy& policy) {
    if (rests(now_.scaled_out_us, how_.warmup_ms) || rests(now_.scaled_in_us, how_.cooldown_ms))
      return;
    const auto value = metric_of(policy, seen_, counted_.size());
    const auto at = std::find_if(policy.steps.begin(), policy.steps.end(), [&](const auto& one) {
      return (!one.has_lower || value >= one.lower) && (!one.has_upper || value < one.upper);
    });
    if (at == policy.steps.end()) return;
    const auto wanted = std::clamp<std::int64_t>(
        adjusted(policy, at->adjustment, static_cast<std::int64_t>(counted_.size())), how_.min_size,
        how_.max_size);
    const auto size = static_cast<std::size_t>(wanted);
    const auto reason = policy.metric + " is " + std::to_string(value) + " an instance";
    if (size > counted_.size() && may_grow()) grow_to(size, policy.name, reason);
    if (size < counted_.size()) shrink_to(size, policy.name, reason);
  }

  void grow_to(std::size_t size, const std::string& policy, const std::string& reason) {
    for (; counted_.size() < std::min<std::size_t>(size, how_.max_size) && used_ < new_ids_.size();
         ++used_) {
      events::scaled_out event;
      event.instance_id = new_ids_[used_];
      event.policy = policy;
      event.reason = reason;
      counted_.insert(event.instance_id);
      events_.emplace_back(std::move(event));
    }
  }

  // The idle ones first, then those with the least in hand.
  void shrink_to(std::size_t size, const std::string& policy, const std::string& reason) {
    auto members = seen_.members;
    std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) {
      return a.in_flight != b.in_flight ? a.in_flight < b.in_flight : a.idle_ms > b.idle_ms;
    });
    for (const auto& one : members)
      if (counted_.size() > size && counted_.contains(one.instance_id))
        end(one.instance_id, policy, reason);
  }

  void end(const std::string& id, std::string policy, std::string reason) {
    counted_.erase(id);
    events_.emplace_back(ended(id, std::move(policy), std::move(reason)));
  }

  bool is_ready(const std::string& id) const {
    return std::any_of(seen_.members.begin(), seen_.members.end(),
                       [&](const auto& one) { return one.instance_id == id && one.ready; });
  }
  bool is_idle(const member_load& one) const {
    return one.ready && one.in_flight == 0 && counted_.contains(one.instance_id);
  }
  bool may_shrink() const {
    return counted_.size() > how_.min_size && !rests(now_.scaled_in_us, how_.cooldown_ms);
  }
  bool may_grow() const {
    if (one_failed_) return false;
    return now_.scale_failures == 0 ||
           !rests(now_.scale_failed_us, scaling_backoff_ms(now_.scale_failures));
  }
  bool rests(std::int64_t since_us, std::uint64_t pause_ms) const {
    return since_us != 0 && now_us_ < since_us + static_cast<std::int64_t>(pause_ms) * 1000;
  }

  const state& now_;
  const autoscale& how_;
  const load& seen_;
  const std::vector<std::string>& new_ids_;
  const std::int64_t now_us_;
  std::set<std::string> counted_;  // as many as there would be after events_
  std::size_t used_ = 0;
  bool one_failed_ = false;  // just now
  std::vector<events::event> events_;
};

}  // namespace

events::scaled_in ended(std::string instance_id, std::string policy, std::string reason) {
  events::scaled_in event;
  event.instance_id = std::move(instance_id);
  event.policy = std::move(policy);
  event.reason = std::move(reason);
  return event;
}

std::optional<std::string> fault_of(const autoscale& how) {
  if (how.max_size < 1 || how.max_size > autoscale_size_limit)
    return "max_size must be 1 to " + std::to_string(autoscale_size_limit);
  if (how.min_size > how.max_size) return "min_size must not be above max_size";
  if (how.policies.size() > autoscale_policies_limit)
    return "policies: at most " + std::to_string(autoscale_policies_limit);
  std::set<std::string> names;
  for (const auto& policy : how.policies) {
    if (auto wrong = fault_of(policy)) return wrong;
    if (!names.insert(policy.name).second)
      return "policies: the name '" + policy.name + "' is used twice";
  }
  return std::nullopt;
}

std::vector<events::event> decide_scaling(const state& now, const load& seen,
                                          const std::vector<std::string>& new_ids,
                                          std::int64_t now_us) {
  if (now.phase != lifecycle::active || !now.scaling) return {};
  return scaler(now, seen, new_ids, now_us).decide();
}

std::uint64_t scaling_backoff_ms(std::uint32_t failures) {
  constexpr std::uint64_t longest = 300'000;
  return std::min(longest, std::uint64_t{1000} << std::min<std::uint32_t>(failures - 1, 20));
}

}  // namespace platen::actors::service_group
