#include "http/gateway/feed.hpp"

#include <algorithm>

#include "actors/scoped_name.hpp"
#include "actors/wall_clock.hpp"

namespace platen::gateway {

namespace {

using actors::instance::lifecycle;
using actors::service_group::has_handler;

// A certificate that is due is renewed at the latest so long after it is.
constexpr std::chrono::hours longest_wait{1};

protocol speech_of(const events::service& one) {
  const bool tls = has_handler(one, "tls");
  const bool http = has_handler(one, "http");
  if (tls) return http ? protocol::https : protocol::tls;
  return http ? protocol::http : protocol::tcp;
}

bool is_coming(lifecycle phase) {
  return phase == lifecycle::waiting_for_template || phase == lifecycle::cloning ||
         phase == lifecycle::booting || phase == lifecycle::resuming;
}

// A request can wake it, now or when it has fallen asleep.
bool wakes(const actors::instance::state& one) {
  return one.phase == lifecycle::standby || one.standby;
}

// The counts that are recorded at the end of the daemon.
constexpr std::chrono::seconds last_counts_limit{5};

const events::cause of_gateway{"", "platend", events::origin::gateway};

// A suspend that failed is not tried again at once.
constexpr std::chrono::seconds after_setback{60};

// Where an instance answers for a port in the guest; 0: it does not.
std::uint16_t host_port(const actors::instance::state& of, std::uint16_t destination) {
  for (const auto& one : of.spec.services)
    if (one.destination_port == destination && one.host_port != 0) return one.host_port;
  return 0;
}

// Autoscale makes an instance for a request that finds none.
bool may_scale_out(const actors::service_group::state& group) {
  if (!group.scaling) return false;
  if (!to_be_made(group).empty()) return true;
  const auto& policies = group.scaling->policies;
  const bool on_demand = std::any_of(policies.begin(), policies.end(), [](const auto& one) {
    return one.enabled && one.kind == "on_demand";
  });
  return on_demand && group.scaled.size() - group.leaving.size() < group.scaling->max_size;
}

using members = std::map<std::string, std::vector<actors::instance_ptr>>;  // by group

// All that it is to serve, but not much more than is recorded: that is what a daemon that is killed
// forgets.
void bound_requests(backend& at, const actors::instance::state& of) {
  const auto most = of.spec.autokill_requests;
  at.taken_before = of.requests_served;
  at.count_step = count_step(most);
  at.most_requests = of.requests_served + most_unrecorded(most);
  if (!of.delete_lock) at.most_requests = std::min(at.most_requests, most);
}

// It gets more when its count is recorded.
bool waits_for_count(const backend& at, const actors::instance::state& of) {
  return of.delete_lock || at.most_requests < of.spec.autokill_requests;
}

route route_of(const actors::service_group::state& group, const events::service& service,
               const std::vector<actors::instance_ptr>& instances,
               const std::set<std::string>& resting) {
  route made;
  made.group_id = group.id;
  for (const auto& domain : group.how.domains)
    made.domains.push_back(domain.name);
  made.soft_limit = group.how.soft_limit;
  made.hard_limit = group.how.hard_limit;
  if (has_handler(service, "redirect")) made.redirect_to = service.destination_port;
  made.may_come = may_scale_out(group);
  for (const auto& one : instances) {
    const bool rests = resting.contains(one->id);
    made.may_come =
        made.may_come || is_coming(one->phase) || one->restart_at_us != 0 || rests || wakes(*one);
    const bool draining = one->phase != lifecycle::running || rests;
    const auto port = host_port(*one, service.destination_port);
    // What it has served so far is remembered while it does not run.
    const bool counted = one->spec.autokill_requests != 0;
    const bool there = one->phase == lifecycle::running || one->phase == lifecycle::draining ||
                       one->phase == lifecycle::stopping;
    if (!(there && port != 0) && !counted) continue;
    backend at{one->id, "127.0.0.1", port, draining};
    if (counted) {
      bound_requests(at, *one);
      made.may_come = made.may_come || (!draining && waits_for_count(at, *one));
    }
    made.backends.push_back(std::move(at));
  }
  return made;
}

void add_certificates(built_table& into, certificate_store& certificates,
                      const actors::service_group::state& group) {
  for (const auto& domain : group.how.domains) {
    const auto chosen =
        certificates.identity_for(domain.name, domain.certificate, actors::scope_of(group.name));
    if (!chosen) {
      into.problems.push_back("service group '" + group.name + "': " + chosen.error());
      continue;
    }
    into.next.certificates.push_back({{domain.name}, chosen->identity});
    const auto due = chosen->renew_at_us;
    if (due != 0 && (into.renew_at_us == 0 || due < into.renew_at_us)) into.renew_at_us = due;
  }
}

}  // namespace

built_table make_table(const actors::control_plane& from, certificate_store& certificates,
                       std::uint16_t port_offset, const std::set<std::string>& resting) {
  built_table made;
  members by_group;
  for (const auto& one : from.instances())
    if (!one->service_group_id.empty()) by_group[one->service_group_id].push_back(one);
  std::map<std::uint16_t, listener> listeners;
  for (const auto& group : from.groups()) {
    bool with_tls = false;
    for (const auto& service : group->how.services) {
      const auto port = std::uint32_t{service.port} + port_offset;
      if (port > 65535) {
        made.problems.push_back("service group '" + group->name + "': port " +
                                std::to_string(service.port) +
                                " cannot be served, gateway_port_offset moves it beyond 65535");
        continue;
      }
      auto& at = listeners[service.port];
      at.public_port = service.port;
      at.port = static_cast<std::uint16_t>(port);
      at.speaks = speech_of(service);
      at.routes.push_back(route_of(*group, service, by_group[group->id], resting));
      auto& redirect = at.routes.back().redirect_to;
      if (redirect != 0) redirect = static_cast<std::uint16_t>(redirect + port_offset);
      with_tls = with_tls || has_handler(service, "tls");
    }
    if (with_tls) add_certificates(made, certificates, *group);
  }
  for (auto& [port, one] : listeners)
    made.next.listeners.push_back(std::move(one));
  return made;
}

feed::feed(actors::control_plane& from, certificate_store& certificates,
           actors::certificate_book& book, gateway& to, std::shared_ptr<traffic_watch> watch,
           std::uint16_t port_offset, std::function<void(const std::string&)> warn,
           std::function<void()> changes)
    : from_(from),
      certificates_(certificates),
      book_(book),
      to_(to),
      watch_(std::move(watch)),
      port_offset_(port_offset),
      warn_(std::move(warn)),
      changes_(std::move(changes)) {
  from_.on_routing_change([watch = watch_] { watch->notify(); });
  book_.on_change([watch = watch_] { watch->notify(); });
  publish();
  thread_ = std::thread([this] { run(); });
}

feed::~feed() {
  from_.on_routing_change(nullptr);
  book_.on_change(nullptr);
  watch_->end();
  thread_.join();
  record_last_counts();
}

// Wall clocks are set; so the wait for a renewal is not one long one.
std::optional<std::chrono::steady_clock::time_point> feed::next_look() const {
  if (renew_at_us_ == 0) return std::nullopt;
  const std::chrono::microseconds left(
      std::max<std::int64_t>(0, renew_at_us_ - actors::wall_clock_us()));
  return std::chrono::steady_clock::now() + std::min<std::chrono::microseconds>(left, longest_wait);
}

void feed::run() {
  while (true) {
    const auto work = watch_->wait(next_look());
    if (work.ending) return;
    const bool renews = renew_at_us_ != 0 && actors::wall_clock_us() >= renew_at_us_;
    for (const auto& id : work.answered) {
      resting_.erase(id);
      watch_->restart(id, std::chrono::steady_clock::now());
    }
    if (work.changed || renews || !work.answered.empty()) publish();
    wake_groups(work.wanted_groups);
    for (const auto& id : work.called_off)
      from_.announce_sleep(id, hypervisor::sleep_news::called_off);
    end_used_up();
    end_drained();
    count_requests();
    put_to_sleep();
  }
}

void feed::publish() {
  keep_watch();
  auto made = make_table(from_, certificates_, port_offset_, resting_);
  std::set<std::string> domains;
  for (const auto& one : made.next.certificates)
    domains.insert(one.domains.begin(), one.domains.end());
  certificates_.retain_leaves(domains);
  if (changes_) changes_();
  for (const auto& one : to_.publish(std::move(made.next)))
    made.problems.push_back("the gateway cannot listen at port " + std::to_string(one.port) + ": " +
                            one.what);
  for (const auto& one : made.problems)
    if (std::find(told_.begin(), told_.end(), one) == told_.end()) warn_(one);
  told_ = std::move(made.problems);
  renew_at_us_ = made.renew_at_us;
}

// Before the table it belongs to: who finds no instance in that asks for one.
void feed::keep_watch() {
  const auto now = std::chrono::steady_clock::now();
  std::map<std::string, watch_rule> rules;
  std::set<std::string> sleeping_groups;
  std::map<std::string, bool> draining;
  counts_some_ = false;
  for (const auto& one : from_.instances()) {
    if (one->service_group_id.empty()) continue;
    if (one->phase == lifecycle::standby) sleeping_groups.insert(one->service_group_id);
    watch_rule rule;
    rule.drains = one->phase == lifecycle::draining;
    if (rule.drains) {
      const auto before = draining_.find(one->id);
      draining.emplace(one->id, before != draining_.end() && before->second);
    }
    const bool kept = one->delete_lock || one->phase == lifecycle::converting;
    rule.most_requests = kept ? 0 : one->spec.autokill_requests;
    counts_some_ = counts_some_ || one->spec.autokill_requests != 0;
    if (one->phase == lifecycle::running && actors::instance::scales_to_zero(one->spec)) {
      sleep_rule sleeps;
      sleeps.cooldown = std::chrono::milliseconds(one->spec.cooldown_ms);
      sleeps.notice = std::chrono::milliseconds(one->spec.notify_ms);
      sleeps.ignores_silent = one->spec.scale_to_zero == "idle";
      if (one->last_setback) {
        const std::chrono::microseconds since(actors::wall_clock_us() - one->last_setback->at_us);
        sleeps.not_before =
            now + std::clamp<std::chrono::microseconds>(
                      after_setback - since, std::chrono::microseconds(0), after_setback);
      }
      rule.sleeps = sleeps;
    }
    if (rule.sleeps || rule.drains || rule.most_requests != 0) rules.emplace(one->id, rule);
  }
  draining_ = std::move(draining);
  std::erase_if(ending_up_, [&](const auto& id) { return !rules.contains(id); });
  watch_->keep(rules, std::move(sleeping_groups), now);
}

void feed::wake_groups(const std::map<std::string, bool>& wanted) {
  if (wanted.empty()) return;
  std::map<std::string, actors::instance_ptr> sleepers;
  std::set<std::string> served;
  for (const auto& one : from_.instances()) {
    const auto& group = one->service_group_id;
    const auto found = wanted.find(group);
    if (found == wanted.end()) continue;
    const bool crowded = found->second;
    if (is_coming(one->phase) ||
        (one->phase == lifecycle::running && !crowded && !resting_.contains(one->id)))
      served.insert(group);
    if (one->phase == lifecycle::standby) sleepers.emplace(group, one);
  }
  for (const auto& [group, sleeper] : sleepers)
    if (!served.contains(group)) from_.start_instance(sleeper->id, of_gateway, [](const auto&) {});
}

// First nothing new is sent to them, then they are looked at again: so no request is in flight at
// an instance that is put to sleep.
void feed::put_to_sleep() {
  const auto loads = [this] { return to_.loads(); };
  const auto now = std::chrono::steady_clock::now();
  const auto found = watch_->look(now, loads);
  for (const auto& id : found.soon_asleep)
    from_.announce_sleep(id, hypervisor::sleep_news::coming);
  const auto& idle = found.idle;
  if (idle.empty()) return;
  resting_.insert(idle.begin(), idle.end());
  publish();
  bool mistaken = false;
  for (const auto& id : idle) {
    if (watch_->is_idle(id, now, loads)) {
      from_.doze_instance(id, of_gateway, [watch = watch_, id](const auto&) { watch->settle(id); });
    } else {
      mistaken = resting_.erase(id) != 0 || mistaken;
    }
  }
  if (mistaken) publish();
}

void feed::end_used_up() {
  for (const auto& [id, requests] : watch_->used_up([this] { return to_.loads(); })) {
    if (!ending_up_.insert(id).second) continue;
    from_.use_up_instance(id, requests, of_gateway, [](const auto&) {});
  }
}

// The table that sends nothing new to them is published by now.
void feed::end_drained() {
  if (draining_.empty()) return;
  const auto loads = by_instance(to_.loads());
  for (auto& [id, told] : draining_) {
    const auto found = loads.find(id);
    if (told || (found != loads.end() && found->second.in_flight != 0)) continue;
    told = true;
    from_.drained_instance(id, of_gateway, [](const auto&) {});
  }
}

void feed::count_requests() {
  if (!counts_some_) return;
  for (const auto& one : to_.loads()) {
    const auto of = from_.find_instance({one.instance_id, ""});
    const auto most = of ? of->spec.autokill_requests : 0;
    if (most == 0 || one.taken <= of->requests_served) continue;
    const bool due = one.taken - of->requests_served >= count_step(most);
    const bool rests = of->phase != lifecycle::running;
    if ((due || rests || last_counts_) && counts_->begin(one.instance_id))
      from_.count_requests(
          one.instance_id, one.taken, of_gateway,
          [counts = counts_, watch = watch_, id = one.instance_id](const auto& done) {
            counts->end(id);
            // It may have got enough for another count meanwhile.
            if (done) watch->stir();
          });
  }
}

// So that a daemon that was told to end forgets none.
void feed::record_last_counts() {
  counts_->await_all(last_counts_limit);
  last_counts_ = true;
  count_requests();
  counts_->await_all(last_counts_limit);
}

}  // namespace platen::gateway
