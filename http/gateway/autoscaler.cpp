#include "http/gateway/autoscaler.hpp"

#include <utility>

#include "actors/scoped_name.hpp"

namespace platen::gateway {

namespace {

using actors::rejection;
using actors::instance::lifecycle;
namespace service_group = actors::service_group;

events::cause because() {
  return {"", "platend", events::origin::gateway};
}

bool will_not_come(const actors::instance::state& one) {
  const bool ended = one.phase == lifecycle::failed || one.phase == lifecycle::stopped;
  return ended && one.restart_at_us == 0;
}

}  // namespace

autoscaler::autoscaler(actors::control_plane& control, autoscaler_options how)
    : control_(control), how_(how) {}

void autoscaler::begin(std::function<std::vector<load>()> loads) {
  loads_ = std::move(loads);
  note_change();
  last_look_ = clock::now();
  thread_ = std::thread([this] { run(); });
}

autoscaler::~autoscaler() {
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->ending = true;
    inbox_->changed.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

// Of each request at a crowded group: the thread is woken only if it has something to decide.
bool autoscaler::note_demand(const std::string& group_id) {
  const std::lock_guard lock(inbox_->mutex);
  if (!inbox_->scaled.contains(group_id)) return false;
  inbox_->demand.insert(group_id);
  inbox_->look = true;
  inbox_->changed.notify_one();
  return true;
}

void autoscaler::note_change() {
  std::set<std::string> scaled;
  for (const auto& group : control_.groups())
    if (group->scaling) scaled.insert(group->id);
  const std::lock_guard lock(inbox_->mutex);
  inbox_->scaled = std::move(scaled);
  inbox_->look = true;
  inbox_->changed.notify_one();
}

void autoscaler::run() {
  std::unique_lock lock(inbox_->mutex);
  const auto woken = [this] { return inbox_->look || inbox_->ending; };
  for (bool any = true; !inbox_->ending;) {
    // How much traffic there is can only be looked at; everything else is told.
    if (any)
      inbox_->changed.wait_for(lock, how_.interval, woken);
    else
      inbox_->changed.wait(lock, woken);
    if (inbox_->ending) return;
    inbox_->look = false;
    lock.unlock();
    any = look();
    lock.lock();
  }
}

// Whether any group has autoscale.
bool autoscaler::look() {
  const auto now = clock::now();
  std::set<std::string> demand;
  {
    const std::lock_guard lock(inbox_->mutex);
    demand = std::exchange(inbox_->demand, {});
  }
  const bool due = now - last_look_ >= how_.interval;
  if (due) per_second_.clear();
  std::map<std::string, load> loads;
  bool any = false;
  for (const auto& group : control_.groups()) {
    carry_out(*group);
    if (!group->scaling) continue;
    any = true;
    const bool wanted = demand.contains(group->id);
    if (!due && !wanted) continue;
    if (loads.empty()) loads = by_instance(loads_());
    if (due) measure(*group, now, loads);
    show_load(*group, now, loads, wanted);
  }
  if (due) {
    std::erase_if(instances_, [&](const auto& entry) { return !loads.contains(entry.first); });
    last_look_ = now;
  }
  return any;
}

void autoscaler::measure(const service_group::state& group, clock::time_point now,
                         const std::map<std::string, load>& loads) {
  std::uint64_t requests = 0;
  for (const auto& id : group.instances) {
    const auto known = loads.find(id);
    if (known == loads.end()) continue;
    const auto [entry, is_new] =
        instances_.try_emplace(id, seen_instance{known->second.taken, now});
    auto& before = entry->second;
    requests += known->second.taken - before.taken;
    if (known->second.in_flight > 0 || known->second.taken != before.taken) before.busy = now;
    before.taken = known->second.taken;
  }
  const std::chrono::duration<double> passed = now - last_look_;
  per_second_[group.id] =
      static_cast<std::uint64_t>(static_cast<double>(requests) / passed.count());
}

void autoscaler::show_load(const service_group::state& group, clock::time_point now,
                           const std::map<std::string, load>& loads, bool demand) {
  {
    const std::lock_guard lock(inbox_->mutex);
    if (!inbox_->being_looked.insert(group.id).second) {
      // It is seen at the next look, when the group has answered.
      if (demand) inbox_->demand.insert(group.id);
      return;
    }
  }
  service_group::load seen;
  seen.demand = demand;
  seen.requests_per_second = per_second_[group.id];
  for (const auto& id : group.instances) {
    const auto instance = control_.find_instance({id, ""});
    if (!instance) continue;
    service_group::member_load one{id};
    one.failed = will_not_come(*instance);
    if (const auto known = loads.find(id); known != loads.end()) {
      one.ready = instance->phase == lifecycle::running;
      one.in_flight = known->second.in_flight;
      const auto before = instances_.find(id);
      const auto idle = before == instances_.end() ? clock::duration() : now - before->second.busy;
      one.idle_ms = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(idle).count());
    }
    seen.members.push_back(std::move(one));
  }
  control_.scale_group(group.id, std::move(seen), because(),
                       [box = inbox_, id = group.id](const auto&) {
                         const std::lock_guard lock(box->mutex);
                         box->being_looked.erase(id);
                       });
}

void autoscaler::carry_out(const service_group::state& group) {
  for (const auto& id : service_group::to_be_made(group))
    make(group, id);
  for (const auto& id : service_group::to_be_ended(group))
    end(group, id);
}

void autoscaler::make(const service_group::state& group, const std::string& id) {
  {
    const std::lock_guard lock(inbox_->mutex);
    if (!inbox_->being_made.insert(id).second) return;
  }
  constexpr std::size_t enough_of_a_uuid = 8;
  actors::create_instance wish;
  wish.uuid = id;
  wish.name = group.name + "-" + id.substr(0, enough_of_a_uuid);
  wish.autostart = true;
  wish.group.emplace();
  wish.group->which = {group.id, actors::scope_alone(group.name)};
  wish.spec.roms = group.scaling->roms;
  wish.from.emplace();
  // By its name, so that one that was made anew will do.
  const auto& named = group.scaling->template_name;
  wish.from->which = {actors::is_unnamed(named) ? group.scaling->template_id : "", named};
  control_.create(
      std::move(wish), because(),
      [this, box = inbox_, group_id = group.id, id](const actors::answer<actors::created>& made) {
        using kind = rejection::kind;
        const std::lock_guard lock(box->mutex);
        box->being_made.erase(id);
        if (made || box->ending) return;
        const auto what = made.error().what;
        if (what == kind::busy || what == kind::unavailable) return;
        // `control_` outlives its callbacks.
        control_.scale_failed(group_id, id, made.error().message, because(), [](const auto&) {});
      });
}

// Asked first and then deleted; what does not run is deleted at once.
void autoscaler::end(const service_group::state& group, const std::string& id) {
  {
    const std::lock_guard lock(inbox_->mutex);
    if (inbox_->being_made.contains(id) || !inbox_->being_ended.insert(id).second) return;
  }
  const auto done = [box = inbox_, id](const auto&) {
    const std::lock_guard lock(box->mutex);
    box->being_ended.erase(id);
  };
  const auto instance = control_.find_instance({id, ""});
  if (!instance) {
    control_.scale_failed(group.id, id, "it is gone", because(), done);
  } else if (instance->phase == lifecycle::running) {
    control_.stop_instance(id, {}, because(), done);
  } else if (instance->phase == lifecycle::draining || instance->phase == lifecycle::stopping) {
    done(instance);  // its end is told
  } else {
    control_.delete_instance(id, because(), done);
  }
}

}  // namespace platen::gateway
