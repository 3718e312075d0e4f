// Autoscale between a control plane with simulated VMs and traffic that the test makes up.
#include "http/gateway/autoscaler.hpp"

#include <catch2/catch.hpp>
#include <future>

#include "actors/scoped_name.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/memory_log.hpp"

using namespace platen;
using namespace platen::actors;
using namespace std::chrono_literals;

namespace {

const events::cause why{"request", "somebody", events::origin::api};

class scaled_plane {
 public:
  scaled_plane()
      : driver_(hypervisor::make_sim_driver(std::make_shared<hypervisor::sim_world>(),
                                            hypervisor::real_time_scheduler())) {
    options how;
    how.on_fatal = [](const std::string& what) { FAIL(what); };
    auto started = control_plane::start(how, log_, *driver_);
    REQUIRE(started);
    plane = *std::move(started);
  }
  ~scaled_plane() {
    end_scaling();
    plane.reset();  // before what it refers to
  }

  template <class T, class Ask>
  static T done(Ask ask) {
    std::promise<answer<T>> promise;
    ask([&](answer<T> given) { promise.set_value(std::move(given)); });
    auto result = promise.get_future().get();
    REQUIRE(result);
    return *result;
  }

  group_ptr make_group(service_group::autoscale how, const std::string& scope = "") {
    group_wish wish;
    wish.name = scoped_name(scope, "web");
    events::service https;
    https.port = 443;
    https.destination_port = 8080;
    https.handlers = {"tls", "http"};
    wish.how.services = {https};
    const auto group =
        done<group_ptr>([&](auto answer) { plane->create_group(wish, why, answer); });
    template_wish from;
    from.which.name = scoped_name(scope, "warm");
    from.prepare = true;
    from.create_args.emplace();
    from.create_args->image = "demo:v1";
    how.template_id =
        done<template_ptr>([&](auto answer) { plane->ensure_template(from, why, answer); })->id;
    how.template_name = from.which.name;
    return done<group_ptr>(
        [&](auto answer) { plane->configure_autoscale(group->id, how, why, answer); });
  }

  void set_autoscale(const std::string& group_id, std::optional<service_group::autoscale> how) {
    done<group_ptr>([&](auto answer) { plane->configure_autoscale(group_id, how, why, answer); });
  }

  void begin_scaling() {
    scaler = std::make_unique<gateway::autoscaler>(*plane, gateway::autoscaler_options{5ms});
    scaler->begin([this] {
      std::vector<gateway::load> loads;
      for (const auto& one : plane->instances()) {
        gateway::load seen;
        seen.instance_id = one->id;
        seen.in_flight = in_flight;
        loads.push_back(seen);
      }
      return loads;
    });
    plane->on_routing_change([this] { note(); });
  }
  void end_scaling() {
    plane->on_routing_change(nullptr);
    scaler.reset();
  }

  bool becomes(const std::function<bool()>& what) {
    std::unique_lock lock(mutex_);
    auto seen = changes_;
    for (const auto end = std::chrono::steady_clock::now() + 20s;;) {
      lock.unlock();
      if (what()) return true;
      lock.lock();
      if (!changed_.wait_until(lock, end, [&] { return changes_ != seen; })) return false;
      seen = changes_;
    }
  }

  std::size_t running() const {
    std::size_t count = 0;
    for (const auto& one : plane->instances())
      if (one->phase == instance::lifecycle::running) ++count;
    return count;
  }

  std::unique_ptr<control_plane> plane;
  std::unique_ptr<gateway::autoscaler> scaler;
  std::atomic<std::uint32_t> in_flight{0};

 private:
  void note() {
    scaler->note_change();
    const std::lock_guard lock(mutex_);
    ++changes_;
    changed_.notify_all();
  }

  store::memory_log log_;
  std::unique_ptr<hypervisor::driver> driver_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
};

service_group::autoscale sizes(std::uint32_t least, std::uint32_t most) {
  service_group::autoscale how;
  how.min_size = least;
  how.max_size = most;
  return how;
}

void add_policy(service_group::autoscale& to, const std::string& kind, std::uint64_t idle_ms = 0) {
  events::scale_policy made;
  made.name = kind;
  made.kind = kind;
  made.enabled = true;
  made.idle_ms = idle_ms;
  to.policies.push_back(made);
}

}  // namespace

TEST_CASE("a request that finds no instance gets one, which goes when it is idle") {
  scaled_plane at;
  auto how = sizes(0, 2);
  add_policy(how, "on_demand");
  add_policy(how, "idle", 30);
  const auto group = at.make_group(how);
  at.in_flight = 1;
  at.begin_scaling();
  at.scaler->note_demand(group->id);
  REQUIRE(at.becomes([&] { return at.running() == 1; }));
  const auto made = at.plane->instances().front();
  CHECK(made->template_name == "warm");
  CHECK(made->service_group_id == group->id);
  CHECK(made->name.starts_with("web-"));
  at.in_flight = 0;
  REQUIRE(at.becomes([&] { return at.plane->instances().empty(); }));
  CHECK(at.becomes([&] { return at.plane->find_group({group->id, ""})->scaled.empty(); }));
}

TEST_CASE("a group of a scope scales within its scope") {
  scaled_plane at;
  auto how = sizes(1, 1);
  const auto theirs = at.make_group(how);
  const auto group = at.make_group(how, "team");
  at.begin_scaling();
  REQUIRE(at.becomes([&] { return at.running() == 2; }));
  for (const auto& one : at.plane->instances()) {
    const bool of_team = one->service_group_id == group->id;
    CHECK(one->template_name == (of_team ? "team/warm" : "warm"));
    CHECK(one->name.starts_with(of_team ? "team/web-" : "web-"));
  }
  CHECK(theirs->how.domains.front().name == "web.localhost");
  CHECK(group->how.domains.front().name == "web.team.localhost");
}

TEST_CASE("what was decided before is made and ended by whoever comes next") {
  scaled_plane at;
  const auto group = at.make_group(sizes(2, 2));
  scaled_plane::done<group_ptr>(
      [&](auto answer) { at.plane->scale_group(group->id, {}, why, answer); });
  CHECK(to_be_made(*at.plane->find_group({group->id, ""})).size() == 2);
  at.begin_scaling();
  REQUIRE(at.becomes([&] { return at.running() == 2; }));
  at.end_scaling();
  at.set_autoscale(group->id, std::nullopt);
  CHECK(to_be_ended(*at.plane->find_group({group->id, ""})).size() == 2);
  at.begin_scaling();
  CHECK(at.becomes([&] { return at.plane->instances().empty(); }));
}

TEST_CASE("an instance that cannot be made is tried again, later each time") {
  scaled_plane at;
  auto how = sizes(1, 1);
  const auto group = at.make_group(how);
  const auto of = at.plane->find_template({"", "warm"});
  scaled_plane::done<template_ptr>(
      [&](auto answer) { at.plane->delete_template(of->id, why, answer); });
  at.begin_scaling();
  REQUIRE(at.becomes([&] { return at.plane->find_group({group->id, ""})->scale_failures == 1; }));
  CHECK(at.becomes([&] { return at.plane->find_group({group->id, ""})->scale_failures == 2; }));
  CHECK(at.plane->instances().empty());
}

TEST_CASE("demand is heard for the groups that have autoscale, and for no others") {
  scaled_plane at;
  const auto group = at.make_group(sizes(0, 2));
  const auto how = *at.plane->find_group({group->id, ""})->scaling;
  at.begin_scaling();
  CHECK(at.scaler->note_demand(group->id));
  CHECK_FALSE(at.scaler->note_demand("another"));
  at.set_autoscale(group->id, std::nullopt);
  CHECK(at.becomes([&] { return !at.scaler->note_demand(group->id); }));
  at.set_autoscale(group->id, how);
  CHECK(at.becomes([&] { return at.scaler->note_demand(group->id); }));
}
