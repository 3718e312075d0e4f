#include "actors/plane.hpp"

#include <boost/uuid/uuid_generators.hpp>
#include <boost/uuid/uuid_io.hpp>
#include <mutex>

#include "actors/registry.hpp"
#include "actors/replay.hpp"
#include "actors/service/groups.hpp"
#include "actors/state_keeper.hpp"
#include "actors/wall_clock.hpp"
#include "store/append_and_wait.hpp"

namespace platen::actors {

namespace {

// Version 4, from the kernel's generator.
std::string random_uuid() {
  static thread_local boost::uuids::random_generator generate;
  return boost::uuids::to_string(generate());
}

std::string told(const loaded_world& loaded) {
  auto text = "started from " + std::to_string(loaded.states_taken) + " cached states and " +
              std::to_string(loaded.events_folded) + " events";
  if (!loaded.cache_refused.empty()) text += "; the cache was not used: " + loaded.cache_refused;
  return text;
}

// Calls `done` once at most, and in the end even if nobody did: a message that is dropped because
// its receiver has ended takes the last copy with it.
template <class T>
control_plane::callback<T> exactly_once(control_plane::callback<T> done) {
  struct open_question {
    explicit open_question(control_plane::callback<T> asker) : done(std::move(asker)) {}
    open_question(const open_question&) = delete;
    open_question& operator=(const open_question&) = delete;
    ~open_question() {
      give(refuse(rejection::kind::unavailable, "the daemon is stopping: ask again"));
    }
    void give(answer<T> what) {
      if (auto asker = std::exchange(done, nullptr)) asker(std::move(what));
    }
    control_plane::callback<T> done;
  };
  return [question = std::make_shared<open_question>(std::move(done))](answer<T> what) {
    question->give(std::move(what));
  };
}

// The log takes no more at a time.
constexpr std::size_t events_an_append = 64;

// What reconciliation is about to do to the world.
std::vector<events::event> facts_of(const reconciliation& plan, const world& log) {
  std::vector<events::event> facts;
  for (const auto& [id, then] : plan.entities) {
    if (then != action::adopt) continue;
    const auto of = log.templates.find(id);
    events::vm_adopted adopted;
    adopted.kind = of != log.templates.end() ? "template" : "instance";
    adopted.id = id;
    adopted.attempt = of != log.templates.end() ? of->second.attempt : log.instances.at(id).attempt;
    facts.emplace_back(std::move(adopted));
  }
  const auto removed = [&](const char* kind, const std::string& id, std::uint32_t attempt) {
    events::leftover_removed leftover;
    leftover.kind = kind;
    leftover.id = id;
    leftover.attempt = attempt;
    facts.emplace_back(std::move(leftover));
  };
  for (const auto& vm : plan.remove)
    removed("vm", vm.id, vm.attempt);
  for (const auto& snapshot : plan.remove_snapshots)
    removed("snapshot", snapshot, 0);
  return facts;
}

// To go on would be to decide on states in which something is missing.
std::string newer_schema(const world& log) {
  return "the event log was written by a newer version of Platen: it has events of schema " +
         std::to_string(log.newest_schema) + ", from sequence " + std::to_string(log.first_newer) +
         " on, and this program knows schemas up to " + std::to_string(events::schema_version) +
         "; start that version, or a newer one";
}

class plane final : public control_plane {
 public:
  plane(plane_setup setup, options how, store::event_log& log, hypervisor::driver& driver)
      : setup_(std::move(setup)),
        how_(std::move(how)),
        env_{log,     driver,        templates_,      instances_,
             groups_, setup_.now_us, setup_.new_uuid, how_.on_fatal} {
    watch_routing();
  }

  // An actor system that is its own goes first: its actors refer to the other members.
  ~plane() override {
    shutdown(false);
    setup_.own.reset();
  }

  tl::expected<void, std::string> begin();

  void create(create_instance wish, events::cause why, callback<created> done) override {
    caf::anon_send(registry_,
                   create_message{std::move(wish), std::move(why), exactly_once(std::move(done))});
  }

  void start_instance(std::string uuid, events::cause why, callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), instance::start{}, std::move(why), std::move(done));
  }

  void stop_instance(std::string uuid, stop_wish how, events::cause why,
                     callback<instance_ptr> done) override {
    const auto grace_ms = how.grace_ms == 0 ? how_.stop_grace_ms : how.grace_ms;
    ask_instance(std::move(uuid),
                 instance::stop{how.force, grace_ms, how.drain_ms, setup_.now_us()}, std::move(why),
                 std::move(done));
  }

  void delete_instance(std::string uuid, events::cause why, callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), instance::remove{}, std::move(why), std::move(done));
  }

  void suspend_instance(std::string uuid, std::uint32_t drain_ms, events::cause why,
                        callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), instance::suspend{drain_ms, setup_.now_us()}, std::move(why),
                 std::move(done));
  }

  void drained_instance(std::string uuid, events::cause why, callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), instance::drained{}, std::move(why), std::move(done));
  }

  void count_requests(std::string uuid, std::uint64_t requests, events::cause why,
                      callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), instance::count_requests{requests}, std::move(why),
                 std::move(done));
  }

  void announce_sleep(std::string uuid, hypervisor::sleep_news what) override {
    caf::anon_send(registry_, sleep_announced{std::move(uuid), what});
  }

  void doze_instance(std::string uuid, events::cause why, callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), instance::doze{how_.stop_grace_ms}, std::move(why),
                 std::move(done));
  }

  void use_up_instance(std::string uuid, std::uint64_t requests, events::cause why,
                       callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), instance::use_up{requests}, std::move(why), std::move(done));
  }

  void convert_instance(std::string uuid, std::uint64_t autokill_ms, events::cause why,
                        callback<instance_ptr> done) override {
    caf::anon_send(registry_,
                   convert_message{std::move(uuid), instance::convert{autokill_ms, std::nullopt},
                                   std::move(why), exactly_once(std::move(done))});
  }

  void change_instance(std::string uuid, instance::change what, events::cause why,
                       callback<instance_ptr> done) override {
    ask_instance(std::move(uuid), std::move(what), std::move(why), std::move(done));
  }

  void delete_template(std::string uuid, events::cause why, callback<template_ptr> done) override {
    ask_template(std::move(uuid), vm_template::remove{}, std::move(why), std::move(done));
  }

  void change_template(std::string uuid, vm_template::change what, events::cause why,
                       callback<template_ptr> done) override {
    ask_template(std::move(uuid), std::move(what), std::move(why), std::move(done));
  }

  void create_group(group_wish wish, events::cause why, callback<group_ptr> done) override {
    caf::anon_send(group_actor_, group_create_message{std::move(wish), std::move(why),
                                                      exactly_once(std::move(done))});
  }

  void change_group(std::string uuid, service_group::edit what, events::cause why,
                    callback<group_ptr> done) override {
    caf::anon_send(group_actor_,
                   group_change_message{std::move(uuid), std::move(what), std::move(why),
                                        exactly_once(std::move(done))});
  }

  void delete_group(std::string uuid, events::cause why, callback<group_ptr> done) override {
    tell_group(std::move(uuid), service_group::remove{}, std::move(why), std::move(done));
  }

  void ensure_template(template_wish wish, events::cause why,
                       callback<template_ptr> done) override {
    caf::anon_send(registry_,
                   template_wanted{std::move(wish), std::move(why), exactly_once(std::move(done))});
  }
  void configure_autoscale(std::string uuid, std::optional<service_group::autoscale> how,
                           events::cause why, callback<group_ptr> done) override {
    service_group::command what = service_group::remove_autoscale{};
    if (how) what = service_group::configure_autoscale{std::move(*how)};
    tell_group(std::move(uuid), std::move(what), std::move(why), std::move(done));
  }
  void scale_group(std::string uuid, service_group::load seen, events::cause why,
                   callback<group_ptr> done) override {
    service_group::scale what{std::move(seen), {}, setup_.now_us()};
    for (std::size_t i = 0; i < made_at_once; ++i)
      what.new_ids.push_back(setup_.new_uuid());
    tell_group(std::move(uuid), std::move(what), std::move(why), std::move(done));
  }
  void scale_failed(std::string uuid, std::string instance_id, std::string reason,
                    events::cause why, callback<group_ptr> done) override {
    tell_group(std::move(uuid),
               service_group::scale_failed{std::move(instance_id), std::move(reason)},
               std::move(why), std::move(done));
  }

  group_ptr find_group(const reference& which) const override {
    return which.uuid.empty() ? groups_.by_name(which.name) : groups_.by_id(which.uuid);
  }
  std::vector<group_ptr> groups() const override { return groups_.all(); }

  void on_routing_change(std::function<void()> tell) override {
    const std::lock_guard guard(routing_mutex_);
    routing_changed_ = std::move(tell);
  }

  instance_ptr find_instance(const reference& which) const override {
    return which.uuid.empty() ? instances_.by_name(which.name) : instances_.by_id(which.uuid);
  }
  template_ptr find_template(const reference& which) const override {
    return which.uuid.empty() ? templates_.by_name(which.name) : templates_.by_id(which.uuid);
  }
  std::vector<instance_ptr> instances() const override { return instances_.all(); }
  std::vector<template_ptr> templates() const override { return templates_.all(); }

  instance_ptr wait_instance(const std::string& uuid, const instance_predicate& until,
                             deadline when, std::stop_token give_up) const override {
    return instances_.wait(uuid, until, when, decltype(instances_)::waiter::client, give_up);
  }
  template_ptr wait_template(const std::string& uuid, const template_predicate& until,
                             deadline when, std::stop_token give_up) const override {
    return templates_.wait(uuid, until, when, decltype(templates_)::waiter::client, give_up);
  }
  void cancel_waits() override {
    instances_.cancel_waits();
    templates_.cancel_waits();
    groups_.cancel_waits();
  }

  hypervisor::log_chunk read_log(const std::string& uuid, hypervisor::driver::log_kind kind,
                                 std::int64_t offset, std::uint64_t limit) const override {
    std::uint32_t attempt = 0;
    if (const auto found = instances_.by_id(uuid)) {
      attempt = found->attempt;
    } else if (const auto of = templates_.by_id(uuid)) {
      attempt = of->attempt;
    }
    if (attempt == 0) return {};
    return env_.driver.read_log({uuid, attempt}, kind, offset, limit);
  }

  std::vector<hypervisor::disk_part> disk_use(const std::string& uuid) const override {
    if (const auto found = instances_.by_id(uuid)) {
      auto parts = env_.driver.vm_disk_use({uuid, found->attempt});
      // What it goes on from is kept beside it until it runs.
      if (found->suspended_attempt != 0 && found->suspended_attempt != found->attempt)
        for (auto& part : env_.driver.vm_disk_use({uuid, found->suspended_attempt}))
          parts.push_back(part);
      return parts;
    }
    const auto of = templates_.by_id(uuid);
    if (of == nullptr) return {};
    return of->ready ? env_.driver.snapshot_disk_use(of->ready->id)
                     : env_.driver.vm_disk_use({uuid, of->attempt});
  }

  void shutdown(bool stop_vms) override;

 private:
  void ask_instance(std::string uuid, instance::command what, events::cause why,
                    callback<instance_ptr> done) {
    instance_ask question{std::move(what), std::move(why), exactly_once(std::move(done))};
    caf::anon_send(registry_, instance_message{std::move(uuid), std::move(question)});
  }

  // More would not fit the smallest machine; the next look at the traffic makes the rest.
  static constexpr std::size_t made_at_once = 16;

  void tell_group(std::string uuid, service_group::command what, events::cause why,
                  callback<group_ptr> done) {
    group_ask question{std::move(what), std::move(why), exactly_once(std::move(done))};
    caf::anon_send(group_actor_, group_message{std::move(uuid), std::move(question)});
  }

  void ask_template(std::string uuid, vm_template::command what, events::cause why,
                    callback<template_ptr> done) {
    template_ask question{std::move(what), std::move(why), exactly_once(std::move(done))};
    caf::anon_send(registry_, template_message{std::move(uuid), std::move(question)});
  }

  // Instances without a group, and what changes nothing for traffic, are not worth a look.
  void watch_routing() {
    groups_.observe([this](const auto&, const auto&) { tell_routing(); });
    instances_.observe([this](const instance_ptr& before, const instance_ptr& after) {
      if (after->service_group_id.empty()) return;
      if (!before || before->phase != after->phase || before->changed_us != after->changed_us ||
          before->requests_served != after->requests_served)
        tell_routing();
    });
  }

  void tell_routing() {
    const std::lock_guard guard(routing_mutex_);
    if (routing_changed_) routing_changed_();
  }

  void stop_all_vms();
  tl::expected<void, std::string> record(std::vector<events::event> what, events::origin source);

  plane_setup setup_;
  options how_;
  directory<vm_template::state> templates_;
  directory<instance::state> instances_;
  directory<service_group::state> groups_;
  std::mutex routing_mutex_;
  std::function<void()> routing_changed_;
  runtime env_;
  caf::actor registry_;
  caf::actor group_actor_;
  std::uint64_t system_version_ = 0;
  bool running_ = false;
};

tl::expected<void, std::string> plane::begin() {
  auto loaded = load_world(env_.log, how_.states);
  if (!loaded)
    return tl::make_unexpected("the event log cannot be replayed: " + loaded.error().message);
  if (how_.on_loaded) how_.on_loaded(told(*loaded));
  auto& log = loaded->all;
  if (log.first_newer != 0) return tl::make_unexpected(newer_schema(log));
  const auto counted = env_.log.stream_version(system_stream);
  if (!counted) return tl::make_unexpected(counted.error().message);
  system_version_ = *counted;

  auto found = env_.driver.start(
      [this](hypervisor::report report) { caf::anon_send(registry_, std::move(report)); });
  if (!found) return tl::make_unexpected("the hypervisor did not start: " + found.error());

  events::daemon_started started;
  started.version = how_.version;
  started.hypervisor = env_.driver.name();
  started.accelerator = env_.driver.accelerator();
  if (auto recorded = record({std::move(started)}, events::origin::system); !recorded) {
    return recorded;
  }

  for (const auto& [id, state] : log.templates) {
    if (!gone(state)) {
      templates_.publish(std::make_shared<const vm_template::state>(state));
    }
  }
  for (const auto& [id, state] : log.instances) {
    if (is_there(state)) {
      instances_.publish(std::make_shared<const instance::state>(state));
    }
  }
  for (const auto& [id, state] : log.services) {
    if (!forgettable(state)) {
      groups_.publish(std::make_shared<const service_group::state>(state));
    }
  }
  auto plan = reconcile(log, *found);
  if (auto recorded = record(facts_of(plan, log), events::origin::reconcile); !recorded) {
    return recorded;
  }
  for (auto& vm : plan.remove)
    env_.driver.remove(vm);
  for (auto& snapshot : plan.remove_snapshots)
    env_.driver.remove_snapshot(snapshot);
  // Orders, and so reports, begin with `go`, when registry_ is set.
  group_actor_ = setup_.system.spawn<service_groups>(env_, how_, log);
  registry_ =
      setup_.system.spawn<registry>(env_, how_, group_actor_, std::move(log), std::move(plan));
  caf::anon_send(registry_, go{});
  running_ = true;
  return {};
}

// Facts about the daemon itself, durable when this returns. Blocking.
tl::expected<void, std::string> plane::record(std::vector<events::event> what,
                                              events::origin source) {
  for (std::size_t begin = 0; begin < what.size(); begin += events_an_append) {
    const auto first = what.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = std::min(events_an_append, what.size() - begin);
    const auto appended =
        store::append_and_wait(env_.log, {system_stream,
                                          system_version_,
                                          {"", "platend", source},
                                          env_.now_us(),
                                          {first, first + static_cast<std::ptrdiff_t>(count)}});
    if (!appended) return tl::make_unexpected(appended.error().message);
    system_version_ = appended->version;
  }
  return {};
}

void plane::stop_all_vms() {
  const events::cause why{"", "platend", events::origin::system};
  const auto limit = std::chrono::steady_clock::now() +
                     std::chrono::milliseconds(how_.stop_grace_ms) + std::chrono::seconds(5);
  const auto instances = instances_.all();
  // What sleeps goes on sleeping.
  const auto is_on = [](const instance::state& s) {
    return s.phase == instance::lifecycle::running || !settled(s) || s.restart_at_us != 0;
  };
  for (const auto& one : instances)
    if (is_on(*one)) stop_instance(one->id, {}, why, [](const auto&) {});
  const auto templates = templates_.all();
  const auto has_vm = [](const vm_template::state& s) {
    const auto goal = wanted(s).vm;
    return goal == vm_template::vm_goal::booted || goal == vm_template::vm_goal::frozen;
  };
  for (const auto& one : templates)
    if (has_vm(*one)) env_.driver.kill({one->id, one->attempt});
  const auto stopped = [](const instance::state& s) {
    return s.phase != instance::lifecycle::running && settled(s);
  };
  for (const auto& one : instances)
    instances_.wait(one->id, stopped, limit, decltype(instances_)::waiter::daemon);
  const auto without_vm = [&](const vm_template::state& s) { return !has_vm(s); };
  for (const auto& one : templates)
    templates_.wait(one->id, without_vm, limit, decltype(templates_)::waiter::daemon);
}

void plane::shutdown(bool stop_vms) {
  if (!std::exchange(running_, false)) return;
  if (stop_vms) stop_all_vms();
  cancel_waits();
  env_.driver.shutdown();
  caf::anon_send_exit(registry_, caf::exit_reason::user_shutdown);
  registry_ = nullptr;
  group_actor_ = nullptr;
  record({events::daemon_stopped{}}, events::origin::system);
}

}  // namespace

tl::expected<std::unique_ptr<control_plane>, std::string> start_plane(plane_setup setup,
                                                                      options how,
                                                                      store::event_log& log,
                                                                      hypervisor::driver& driver) {
  auto made = std::make_unique<plane>(std::move(setup), std::move(how), log, driver);
  if (auto begun = made->begin(); !begun) return tl::make_unexpected(begun.error());
  return made;
}

tl::expected<std::unique_ptr<control_plane>, std::string> control_plane::start(
    options how, store::event_log& log, hypervisor::driver& driver) {
  auto own = std::make_unique<owned_system>();
  auto& system = own->system;
  return start_plane({std::move(own), system, wall_clock_us, random_uuid}, std::move(how), log,
                     driver);
}

}  // namespace platen::actors
