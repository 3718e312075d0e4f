#include "fake_control.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace platen::testing {

using namespace platen::actors;

namespace {

constexpr std::int64_t first_moment_us = 1'700'000'000'000'000;

template <class State>
std::shared_ptr<const State> find(const std::vector<std::shared_ptr<const State>>& in,
                                  const reference& which) {
  for (const auto& one : in) {
    const bool deleted = one->phase == decltype(one->phase)::deleted;
    if (!deleted && (which.uuid.empty() ? one->name == which.name : one->id == which.uuid))
      return one;
  }
  return nullptr;
}

template <class State>
void replace(std::vector<std::shared_ptr<const State>>& in, const std::string& name,
             const std::function<void(State&)>& how) {
  for (auto& one : in) {
    if (one->name != name) continue;
    auto next = std::make_shared<State>(*one);
    how(*next);
    one = next;
  }
}

}  // namespace

void fake_control::change(const std::string& name,
                          const std::function<void(instance::state&)>& how) {
  const std::lock_guard lock(mutex_);
  replace<instance::state>(instances_, name, how);
  changed_.notify_all();
}

void fake_control::change_template(const std::string& name,
                                   const std::function<void(vm_template::state&)>& how) {
  const std::lock_guard lock(mutex_);
  replace<vm_template::state>(templates_, name, how);
  changed_.notify_all();
}

void fake_control::enter(const std::string& name, instance_phase phase) {
  change(name, [&](instance::state& one) {
    one.phase = phase;
    if (phase == instance_phase::running) ++one.start_count;
  });
}

void fake_control::enter_template(const std::string& name, template_phase phase) {
  change_template(name, [&](vm_template::state& one) { one.phase = phase; });
}

void fake_control::start_into(instance_phase phase) {
  const std::lock_guard lock(mutex_);
  start_into_ = phase;
}

void fake_control::refuse_next(rejection why, std::size_t times) {
  const std::lock_guard lock(mutex_);
  refusal_ = std::move(why);
  refusals_left_ = times;
}

void fake_control::throw_next(const std::string& what) {
  const std::lock_guard lock(mutex_);
  throw_next_ = what;
}

void fake_control::await_waiters(std::size_t count) {
  std::unique_lock lock(mutex_);
  // Long enough for a loaded machine; a request that was refused instead would never wait.
  if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return waiters_ >= count; }))
    throw std::runtime_error("nobody waits");
}

void fake_control::await_no_waiters() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return waiters_ == 0; }))
    throw std::runtime_error("somebody waits");
}

void fake_control::allow_waits() {
  const std::lock_guard lock(mutex_);
  cancelled_ = false;
}

std::size_t fake_control::waiters() const {
  const std::lock_guard lock(mutex_);
  return waiters_;
}

std::vector<create_instance> fake_control::creates() const {
  const std::lock_guard lock(mutex_);
  return creates_;
}

std::vector<events::cause> fake_control::causes() const {
  const std::lock_guard lock(mutex_);
  return causes_;
}

std::vector<std::uint32_t> fake_control::suspends() const {
  const std::lock_guard lock(mutex_);
  return suspends_;
}

std::vector<std::pair<std::string, stop_wish>> fake_control::stops() const {
  const std::lock_guard lock(mutex_);
  return stops_;
}

template <class T>
bool fake_control::refused(const callback<T>& done) {
  if (refusals_left_ == 0) return false;
  --refusals_left_;
  done(tl::unexpected(*refusal_));
  return true;
}

std::string fake_control::next_uuid() {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "00000000-0000-4000-8000-%012llu",
                static_cast<unsigned long long>(++made_));
  return text.data();
}

template_ptr fake_control::template_for(const template_wish& wish) {
  if (auto found = find(templates_, wish.which)) return found;
  if (!wish.create_args) return nullptr;
  auto made = std::make_shared<vm_template::state>();
  made->id = next_uuid();
  made->name = wish.which.name;
  made->spec = *wish.create_args;
  made->phase = template_phase::preparing;
  made->created_us = first_moment_us + static_cast<std::int64_t>(made_) * 1'000'000;
  made->prepare_timeout_ms = wish.prepare_timeout_ms;
  made->autokill_ms = wish.autokill_ms;
  templates_.push_back(made);
  return made;
}

void fake_control::create(create_instance wish, events::cause why, callback<created> done) {
  const std::lock_guard lock(mutex_);
  creates_.push_back(wish);
  causes_.push_back(why);
  if (refused(done)) return;
  created made;
  if (const auto existing = find(instances_, reference{wish.uuid, ""});
      existing && !wish.uuid.empty()) {
    made.instance = existing;
    made.of = find(templates_, reference{existing->template_id, ""});
    return done(made);
  }
  if (!wish.name.empty() && find(instances_, reference{"", wish.name}))
    return done(
        tl::unexpected(rejection{rejection::kind::name_taken,
                                 "An instance with the name '" + wish.name + "' already exists"}));
  if (wish.from) {
    made.of = template_for(*wish.from);
    if (!made.of)
      return done(
          tl::unexpected(rejection{rejection::kind::not_found, "No instance template with name '" +
                                                                   wish.from->which.name + "'"}));
    made.differences = differences_to_report;
  }
  auto state = std::make_shared<instance::state>();
  state->id = wish.uuid.empty() ? next_uuid() : wish.uuid;
  state->name = wish.name.empty() ? "made-up-" + std::to_string(made_) : wish.name;
  state->spec = wish.spec;
  state->created_us = first_moment_us + static_cast<std::int64_t>(made_) * 1'000'000;
  state->phase = wish.autostart ? start_into_ : instance_phase::stopped;
  if (made.of) {
    state->template_id = made.of->id;
    state->template_name = made.of->name;
  }
  if (state->phase == instance_phase::running) state->start_count = 1;
  instances_.push_back(state);
  made.instance = state;
  changed_.notify_all();
  done(made);
}

void fake_control::command_instance(const std::string& uuid, const events::cause& why,
                                    instance_phase into, const callback<instance_ptr>& done) {
  causes_.push_back(why);
  if (refused(done)) return;
  const auto found = find(instances_, reference{uuid, ""});
  if (!found) return done(tl::unexpected(rejection{rejection::kind::not_found, "gone"}));
  replace<instance::state>(instances_, found->name,
                           [&](instance::state& one) { one.phase = into; });
  changed_.notify_all();
  const auto changed = std::find_if(instances_.begin(), instances_.end(),
                                    [&](const auto& one) { return one->id == uuid; });
  done(*changed);
}

void fake_control::start_instance(std::string uuid, events::cause why,
                                  callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  command_instance(uuid, why, start_into_, done);
}

void fake_control::stop_instance(std::string uuid, stop_wish how, events::cause why,
                                 callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  stops_.emplace_back(uuid, how);
  command_instance(uuid, why, instance_phase::stopping, done);
}

void fake_control::suspend_instance(std::string uuid, std::uint32_t drain_ms, events::cause why,
                                    callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  suspends_.push_back(drain_ms);
  command_instance(uuid, why, instance_phase::suspending, done);
}

void fake_control::doze_instance(std::string uuid, events::cause why, callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  command_instance(uuid, why, instance_phase::suspending, done);
}

void fake_control::use_up_instance(std::string uuid, std::uint64_t, events::cause why,
                                   callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  command_instance(uuid, why, instance_phase::deleted, done);
}

void fake_control::drained_instance(std::string uuid, events::cause why,
                                    callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  command_instance(uuid, why, instance_phase::stopping, done);
}

void fake_control::count_requests(std::string uuid, std::uint64_t, events::cause why,
                                  callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  command_instance(uuid, why, instance_phase::running, done);
}

void fake_control::convert_instance(std::string uuid, std::uint64_t autokill_ms, events::cause why,
                                    callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  conversions_.push_back(autokill_ms);
  command_instance(uuid, why, convert_into_, done);
}

std::vector<std::uint64_t> fake_control::conversions() const {
  const std::lock_guard lock(mutex_);
  return conversions_;
}

void fake_control::convert_into(instance_phase phase) {
  const std::lock_guard lock(mutex_);
  convert_into_ = phase;
}

void fake_control::delete_instance(std::string uuid, events::cause why,
                                   callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  command_instance(uuid, why, instance_phase::deleted, done);
}

void fake_control::change_instance(std::string uuid, instance::change what, events::cause why,
                                   callback<instance_ptr> done) {
  const std::lock_guard lock(mutex_);
  causes_.push_back(why);
  if (refused(done)) return;
  instance_changes_.push_back(std::move(what));
  done(find(instances_, reference{uuid, ""}));
}

void fake_control::change_template(std::string uuid, vm_template::change what, events::cause why,
                                   callback<template_ptr> done) {
  const std::lock_guard lock(mutex_);
  causes_.push_back(why);
  if (refused(done)) return;
  template_changes_.push_back(std::move(what));
  done(find(templates_, reference{uuid, ""}));
}

std::vector<instance::change> fake_control::instance_changes() const {
  const std::lock_guard lock(mutex_);
  return instance_changes_;
}

std::vector<vm_template::change> fake_control::template_changes() const {
  const std::lock_guard lock(mutex_);
  return template_changes_;
}

void fake_control::delete_template(std::string uuid, events::cause why,
                                   callback<template_ptr> done) {
  const std::lock_guard lock(mutex_);
  causes_.push_back(why);
  if (refused(done)) return;
  const auto found = find(templates_, reference{uuid, ""});
  if (!found) return done(tl::unexpected(rejection{rejection::kind::not_found, "gone"}));
  replace<vm_template::state>(templates_, found->name,
                              [](vm_template::state& one) { one.phase = template_phase::deleted; });
  changed_.notify_all();
  done(found);
}

instance_ptr fake_control::find_instance(const reference& which) const {
  const std::lock_guard lock(mutex_);
  return find(instances_, which);
}

template_ptr fake_control::find_template(const reference& which) const {
  const std::lock_guard lock(mutex_);
  return find(templates_, which);
}

std::vector<instance_ptr> fake_control::instances() const {
  const std::lock_guard lock(mutex_);
  if (!throw_next_.empty()) throw std::runtime_error(std::exchange(throw_next_, ""));
  return instances_;
}

std::vector<template_ptr> fake_control::templates() const {
  const std::lock_guard lock(mutex_);
  return templates_;
}

template <class State, class Predicate>
std::shared_ptr<const State> fake_control::wait(const table<State>& in, const std::string& uuid,
                                                const Predicate& until, deadline when,
                                                const std::stop_token& give_up) const {
  const std::stop_callback waken(give_up, [this] {
    const std::lock_guard guard(mutex_);
    changed_.notify_all();
  });
  std::unique_lock lock(mutex_);
  const auto latest = [&]() -> std::shared_ptr<const State> {
    for (const auto& one : in)
      if (one->id == uuid) return one;
    return nullptr;
  };
  const auto over = [&] {
    const auto now = latest();
    return cancelled_ || give_up.stop_requested() || now == nullptr ||
           now->phase == decltype(now->phase)::deleted || until(*now);
  };
  ++waiters_;
  changed_.notify_all();
  if (when)
    changed_.wait_until(lock, *when, over);
  else
    changed_.wait(lock, over);
  --waiters_;
  changed_.notify_all();
  return latest();
}

instance_ptr fake_control::wait_instance(const std::string& uuid, const instance_predicate& until,
                                         deadline when, std::stop_token give_up) const {
  return wait(instances_, uuid, until, when, give_up);
}

template_ptr fake_control::wait_template(const std::string& uuid, const template_predicate& until,
                                         deadline when, std::stop_token give_up) const {
  return wait(templates_, uuid, until, when, give_up);
}

void fake_control::cancel_waits() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  changed_.notify_all();
}

hypervisor::log_chunk fake_control::read_log(const std::string&, hypervisor::driver::log_kind kind,
                                             std::int64_t offset, std::uint64_t limit) const {
  const std::lock_guard lock(mutex_);
  const auto whole = kind == hypervisor::driver::log_kind::console ? "console" : output;
  const auto size = static_cast<std::int64_t>(whole.size());
  const auto begin = offset < 0 ? std::max<std::int64_t>(0, size + offset) : offset;
  hypervisor::log_chunk chunk;
  chunk.available = whole.size();
  if (begin >= size) return chunk;
  chunk.begin = static_cast<std::uint64_t>(begin);
  chunk.bytes = whole.substr(chunk.begin, limit);
  return chunk;
}

void fake_control::create_group(group_wish wish, events::cause why, callback<group_ptr> done) {
  if (refused<group_ptr>(done)) return;
  group_ptr made;
  {
    const std::lock_guard lock(mutex_);
    causes_.push_back(std::move(why));
    auto state = std::make_shared<service_group::state>();
    state->id = wish.uuid.empty() ? next_uuid() : wish.uuid;
    state->name = wish.name.empty() ? "group-" + state->id.substr(0, 8) : wish.name;
    state->persistent = wish.persistent;
    state->how = wish.how;
    for (auto& one : state->how.domains)
      one.name = service_group::full_domain(one.name, "localhost");
    state->phase = service_group::lifecycle::active;
    state->created_us = first_moment_us;
    groups_.push_back(state);
    made = state;
  }
  done(made);
}

void fake_control::change_group(std::string uuid, service_group::edit what, events::cause why,
                                callback<group_ptr> done) {
  if (refused<group_ptr>(done)) return;
  group_ptr made;
  {
    const std::lock_guard lock(mutex_);
    causes_.push_back(std::move(why));
    for (auto& one : groups_) {
      if (one->id != uuid) continue;
      auto next = std::make_shared<service_group::state>(*one);
      next->how = service_group::apply(next->how, what);
      one = made = next;
    }
  }
  done(made);
}

void fake_control::delete_group(std::string uuid, events::cause why, callback<group_ptr> done) {
  if (refused<group_ptr>(done)) return;
  group_ptr gone;
  {
    const std::lock_guard lock(mutex_);
    causes_.push_back(std::move(why));
    for (auto& one : groups_) {
      if (one->id != uuid) continue;
      auto next = std::make_shared<service_group::state>(*one);
      next->phase = service_group::lifecycle::deleted;
      one = gone = next;
    }
  }
  done(gone);
}

void fake_control::ensure_template(template_wish wish, events::cause why,
                                   callback<template_ptr> done) {
  if (refused<template_ptr>(done)) return;
  template_ptr made;
  {
    const std::lock_guard lock(mutex_);
    causes_.push_back(std::move(why));
    made = template_for(wish);
  }
  if (made) return done(made);
  done(tl::unexpected(rejection{rejection::kind::not_found,
                                "No instance template with name '" + wish.which.name + "'"}));
}

// As the group itself decides.
void fake_control::tell_group(const std::string& uuid, const service_group::command& what,
                              events::cause why, const callback<group_ptr>& done) {
  if (refused<group_ptr>(done)) return;
  answer<group_ptr> result = tl::unexpected(
      rejection{rejection::kind::not_found, "No service group with uuid '" + uuid + "'"});
  {
    const std::lock_guard lock(mutex_);
    causes_.push_back(std::move(why));
    for (auto& one : groups_) {
      if (one->id != uuid) continue;
      auto next = *one;
      auto decided = service_group::decide(next, what);
      if (!decided) {
        result = tl::unexpected(decided.error());
        break;
      }
      for (auto& event : *decided) {
        events::envelope at;
        at.version = next.version + 1;
        at.time_us = first_moment_us;
        at.what = std::move(event);
        next = service_group::evolve(std::move(next), at);
      }
      one = std::make_shared<service_group::state>(std::move(next));
      result = one;
    }
  }
  done(result);
}

void fake_control::configure_autoscale(std::string uuid,
                                       std::optional<service_group::autoscale> how,
                                       events::cause why, callback<group_ptr> done) {
  service_group::command what = service_group::remove_autoscale{};
  if (how) what = service_group::configure_autoscale{std::move(*how)};
  tell_group(uuid, what, std::move(why), done);
}

void fake_control::scale_group(std::string uuid, service_group::load seen, events::cause why,
                               callback<group_ptr> done) {
  tell_group(uuid, service_group::scale{std::move(seen), {}, first_moment_us}, std::move(why),
             done);
}

void fake_control::scale_failed(std::string uuid, std::string instance_id, std::string reason,
                                events::cause why, callback<group_ptr> done) {
  tell_group(uuid, service_group::scale_failed{std::move(instance_id), std::move(reason)},
             std::move(why), done);
}

group_ptr fake_control::find_group(const reference& which) const {
  const std::lock_guard lock(mutex_);
  return find(groups_, which);
}

std::vector<group_ptr> fake_control::groups() const {
  const std::lock_guard lock(mutex_);
  std::vector<group_ptr> living;
  for (const auto& one : groups_)
    if (one->phase != service_group::lifecycle::deleted) living.push_back(one);
  return living;
}

}  // namespace platen::testing
