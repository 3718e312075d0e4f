#include "http/gateway/traffic_watch.hpp"

#include <algorithm>

namespace platen::gateway {

namespace {

const load* find(const std::vector<load>& all, const std::string& instance_id) {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const load& one) { return one.instance_id == instance_id; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

hooks traffic_watch::make_hooks() {
  hooks made;
  made.wake = [self = shared_from_this()](const std::string& group) { self->want(group, false); };
  made.crowded = [self = shared_from_this()](const std::string& group) { self->want(group, true); };
  made.activity = [self = shared_from_this()](const std::string& instance, bool busy) {
    self->activity(instance, busy);
  };
  return made;
}

void traffic_watch::want(const std::string& group_id, bool crowded) {
  const std::lock_guard guard(mutex_);
  // Each request of a crowded group calls; where nobody sleeps there is nobody to wake.
  if (!sleeping_groups_.contains(group_id)) return;
  const auto [at, added] = open_.wanted_groups.emplace(group_id, crowded);
  at->second = at->second && crowded;
  if (added) told_.notify_one();
}

void traffic_watch::activity(const std::string& instance_id, bool busy) {
  const std::lock_guard guard(mutex_);
  const auto found = watched_.find(instance_id);
  if (found == watched_.end() || busy) return;
  auto& of = found->second;
  of.idle_since = clock::now();
  if (of.rule.sleeps) of.due = of.idle_since + of.rule.sleeps->cooldown;
  stirred_ = true;
  told_.notify_one();
}

std::optional<traffic_watch::clock::time_point> traffic_watch::next_due() const {
  std::optional<clock::time_point> earliest;
  for (const auto& [id, of] : watched_)
    if (of.due && (!earliest || *of.due < *earliest)) earliest = of.due;
  return earliest;
}

traffic_watch::work traffic_watch::wait(std::optional<clock::time_point> until) {
  std::unique_lock guard(mutex_);
  const auto wanted = [&] {
    return open_.ending || open_.changed || stirred_ || !open_.wanted_groups.empty() ||
           !open_.answered.empty();
  };
  const auto due = next_due();
  if (due && (!until || *due < *until)) until = due;
  if (until)
    told_.wait_until(guard, *until, wanted);
  else
    told_.wait(guard, wanted);
  stirred_ = false;
  const bool ending = open_.ending;
  auto taken = std::exchange(open_, {});
  open_.ending = ending;
  return taken;
}

void traffic_watch::notify() {
  const std::lock_guard guard(mutex_);
  open_.changed = true;
  told_.notify_one();
}

void traffic_watch::end() {
  const std::lock_guard guard(mutex_);
  open_.ending = true;
  told_.notify_one();
}

void traffic_watch::settle(const std::string& instance_id) {
  const std::lock_guard guard(mutex_);
  open_.answered.push_back(instance_id);
  told_.notify_one();
}

void traffic_watch::keep(const std::map<std::string, watch_rule>& all,
                         std::set<std::string> sleeping_groups, clock::time_point now) {
  const std::lock_guard guard(mutex_);
  sleeping_groups_ = std::move(sleeping_groups);
  std::erase_if(watched_, [&](const auto& entry) { return !all.contains(entry.first); });
  for (const auto& [id, rule] : all) {
    const auto [at, added] = watched_.try_emplace(id);
    auto& of = at->second;
    const bool same = !added && of.rule.sleeps.has_value() == rule.sleeps.has_value() &&
                      (!rule.sleeps || of.rule.sleeps->cooldown == rule.sleeps->cooldown);
    of.rule = rule;
    if (added) of.idle_since = now;
    if (same) continue;
    of.due.reset();
    if (rule.sleeps)
      of.due = std::max(of.idle_since + rule.sleeps->cooldown, rule.sleeps->not_before);
    if (of.due && added) of.due = std::max(*of.due, now + least_awake);
  }
}

bool traffic_watch::judge(entry& of, const load* found, clock::time_point now) {
  if (!of.rule.sleeps) return false;
  const auto& rule = *of.rule.sleeps;
  auto since = of.idle_since;
  if (found != nullptr && found->in_flight != 0) {
    // Its last request calls again when it ends.
    if (!rule.ignores_silent) return false;
    if (found->in_flight != found->passed_through) {
      of.due = now + rule.cooldown;
      return false;
    }
    since = std::max(since, found->last_byte);
  }
  const auto due = std::max(since + rule.cooldown, rule.not_before);
  if (due > now) of.due = due;
  return due <= now;
}

std::vector<std::string> traffic_watch::idle(clock::time_point now, const load_source& loads) {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> asked;
  for (auto& [id, of] : watched_) {
    if (!of.due || *of.due > now) continue;
    of.due.reset();
    asked.push_back(id);
  }
  if (asked.empty()) return {};
  // Read after the due times were taken: a request that ends from here on sets its own anew.
  const auto all = loads();
  std::erase_if(asked, [&](const auto& id) { return !judge(watched_.at(id), find(all, id), now); });
  return asked;
}

bool traffic_watch::is_idle(const std::string& instance_id, clock::time_point now,
                            const load_source& loads) {
  const std::lock_guard guard(mutex_);
  const auto found = watched_.find(instance_id);
  if (found == watched_.end()) return false;
  const auto all = loads();
  return judge(found->second, find(all, instance_id), now);
}

void traffic_watch::restart(const std::string& instance_id, clock::time_point now) {
  const std::lock_guard guard(mutex_);
  const auto found = watched_.find(instance_id);
  if (found == watched_.end() || !found->second.rule.sleeps) return;
  auto& of = found->second;
  of.due = std::max(now + of.rule.sleeps->cooldown, of.rule.sleeps->not_before);
}

std::vector<std::pair<std::string, std::uint64_t>> traffic_watch::used_up(
    const load_source& loads) const {
  const std::lock_guard guard(mutex_);
  const bool any = std::any_of(watched_.begin(), watched_.end(), [](const auto& entry) {
    return entry.second.rule.most_requests != 0;
  });
  if (!any) return {};
  std::vector<std::pair<std::string, std::uint64_t>> made;
  for (const auto& one : loads()) {
    const auto found = watched_.find(one.instance_id);
    if (found == watched_.end() || one.in_flight != 0) continue;
    const auto most = found->second.rule.most_requests;
    if (most != 0 && one.taken >= most) made.emplace_back(one.instance_id, one.taken);
  }
  return made;
}

}  // namespace platen::gateway
