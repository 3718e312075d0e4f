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
  made.counted = [self = shared_from_this()](const std::string&) { self->stir(); };
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
  if (found == watched_.end()) return;
  auto& of = found->second;
  call_off(instance_id, of);
  if (busy) return;
  of.idle_since = clock::now();
  if (of.rule.sleeps) look_before(of, of.idle_since + of.rule.sleeps->cooldown);
  stirred_ = true;
  told_.notify_one();
}

void traffic_watch::stir() {
  const std::lock_guard guard(mutex_);
  stirred_ = true;
  told_.notify_one();
}

void traffic_watch::call_off(const std::string& instance_id, entry& of) {
  if (!std::exchange(of.announced, std::nullopt)) return;
  open_.called_off.push_back(instance_id);
  told_.notify_one();
}

// At the announcement first, where there is one.
void traffic_watch::look_before(entry& of, clock::time_point sleeps_at) {
  of.due = sleeps_at - of.rule.sleeps->notice;
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
           !open_.answered.empty() || !open_.called_off.empty();
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
                      (!rule.sleeps || (of.rule.sleeps->cooldown == rule.sleeps->cooldown &&
                                        of.rule.sleeps->notice == rule.sleeps->notice));
    of.rule = rule;
    if (added) of.idle_since = now;
    if (same) continue;
    of.due.reset();
    call_off(id, of);
    if (!rule.sleeps) continue;
    const auto sleeps_at = std::max(of.idle_since + rule.sleeps->cooldown, rule.sleeps->not_before);
    look_before(of, added ? std::max(sleeps_at, now + least_awake) : sleeps_at);
  }
}

traffic_watch::verdict traffic_watch::judge(entry& of, const load* found, clock::time_point now) {
  if (!of.rule.sleeps) return verdict::awake;
  const auto& rule = *of.rule.sleeps;
  auto since = of.idle_since;
  if (found != nullptr && found->in_flight != 0) {
    // Its last request calls again when it ends.
    if (!rule.ignores_silent) return verdict::awake;
    if (found->in_flight != found->passed_through) {
      look_before(of, now + rule.cooldown);
      return verdict::awake;
    }
    since = std::max(since, found->last_byte);
  }
  return judge_idle(of, std::max(since + rule.cooldown, rule.not_before), now);
}

// A guest that was told late sleeps late: it has all of its time.
traffic_watch::verdict traffic_watch::judge_idle(entry& of, clock::time_point sleeps_at,
                                                 clock::time_point now) {
  const auto notice = of.rule.sleeps->notice;
  if (sleeps_at - notice > now) {
    look_before(of, sleeps_at);
    return verdict::awake;
  }
  if (notice.count() == 0) return verdict::sleep;
  const bool is_new = !of.announced;
  if (is_new) of.announced = now;
  const auto earliest = std::max(sleeps_at, *of.announced + notice);
  if (earliest <= now) return verdict::sleep;
  of.due = earliest;
  return is_new ? verdict::announce : verdict::announced;
}

traffic_watch::verdicts traffic_watch::look(clock::time_point now, const load_source& loads) {
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
  verdicts made;
  for (const auto& id : asked) {
    auto& of = watched_.at(id);
    const auto says = judge(of, find(all, id), now);
    if (says == verdict::sleep) made.idle.push_back(id);
    if (says == verdict::announce) made.soon_asleep.push_back(id);
    if (says == verdict::awake) call_off(id, of);
  }
  return made;
}

bool traffic_watch::is_idle(const std::string& instance_id, clock::time_point now,
                            const load_source& loads) {
  const std::lock_guard guard(mutex_);
  const auto found = watched_.find(instance_id);
  if (found == watched_.end()) return false;
  const auto all = loads();
  if (judge(found->second, find(all, instance_id), now) == verdict::sleep) return true;
  call_off(instance_id, found->second);
  return false;
}

void traffic_watch::restart(const std::string& instance_id, clock::time_point now) {
  const std::lock_guard guard(mutex_);
  const auto found = watched_.find(instance_id);
  if (found == watched_.end() || !found->second.rule.sleeps) return;
  auto& of = found->second;
  call_off(instance_id, of);
  look_before(of, std::max(now + of.rule.sleeps->cooldown, of.rule.sleeps->not_before));
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
