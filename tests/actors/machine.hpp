// The control plane on the deterministic scheduler: seeded interleavings, virtual time, the
// simulated hypervisor, the log in memory.
#pragma once

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "actors/plane.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/memory_log.hpp"
#include "tests/actors/watching_driver.hpp"

namespace platen::actors::testing {

using hypervisor::sim_fault;
using template_phase = vm_template::lifecycle;
using instance_phase = instance::lifecycle;

// One life of a daemon over a log and a world that outlive it.
class daemon_life {
 public:
  daemon_life(store::event_log& log, std::shared_ptr<hypervisor::sim_world> world, unsigned seed,
              std::int64_t& now_us, const std::int64_t& wall_offset_us, options how = {})
      : now_us_(now_us), random_(seed), system_(config()) {
    driver_ = std::make_unique<platen::testing::watching_driver>(
        hypervisor::make_sim_driver(
            std::move(world),
            [this](std::uint64_t delay_ms, std::function<void()> step) {
              due_.emplace(now_us_ + static_cast<std::int64_t>(delay_ms) * 1000, std::move(step));
            }),
        log);
    how.on_fatal = [this](const std::string& why) { fatal += why + "; "; };
    auto started =
        start_plane({nullptr, system_, [this, &wall_offset_us] { return now_us_ + wall_offset_us; },
                     [this] { return "id-" + std::to_string(random_()); }},
                    how, log, *driver_);
    REQUIRE(started);
    plane = std::move(*started);
    run();
  }

  // Ends without a word, as kill -9 would: nothing is recorded, what was under way is lost.
  ~daemon_life() {
    driver_->shutdown();
    plane->shutdown(false);
    run();
    plane.reset();
    CHECK(driver_->unexplained == std::vector<std::string>{});
  }

  std::size_t orders() const { return driver_->orders; }

  // Runs everything that can run now, in an order drawn from the seed.
  void run() {
    auto& jobs = scheduler().jobs;
    while (!jobs.empty()) {
      std::swap(jobs.front(), jobs[random_() % jobs.size()]);
      scheduler().run_once();
    }
  }

  // Lets `messages` be handled, the oldest first.
  void run_some(int messages) {
    for (; messages > 0 && scheduler().has_job(); --messages)
      scheduler().run_once();
  }

  void advance_ms(std::int64_t ms) {
    for (const auto until = now_us_ + ms * 1000; now_us_ < until;) {
      now_us_ += 1000;
      scheduler().clock().advance_time(std::chrono::milliseconds(1));
      while (!due_.empty() && due_.begin()->first <= now_us_) {
        auto step = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        step();
        run();
      }
      run();
    }
  }

  void create(const std::string& name, const std::string& of_template, bool autostart = true,
              std::uint64_t timeout_ms = 0) {
    create_instance wish;
    wish.name = name;
    wish.autostart = autostart;
    template_wish from;
    from.which.name = of_template;
    from.prepare = true;
    from.prepare_timeout_ms = timeout_ms;
    from.create_args.emplace();
    from.create_args->image = "demo:v1";
    wish.from = from;
    create(std::move(wish));
  }

  // Its answer is in `answers`, under its name.
  void create(create_instance wish) {
    const auto name = wish.name;
    plane->create(std::move(wish), cause("create " + name), [this, name](answer<created> result) {
      answers[name] = result ? "" : result.error().message;
    });
  }

  // A create of an instance that does not start, for a wished uuid; the answer goes to `told`.
  void create_as(const std::string& uuid, const std::string& name = "",
                 const std::string& of_template = "") {
    create_instance wish;
    wish.uuid = uuid;
    wish.name = name;
    if (of_template.empty()) {
      wish.spec.image = "demo:v1";
    } else {
      wish.from.emplace();
      wish.from->which.name = of_template;
      wish.from->prepare = true;
      wish.from->create_args.emplace();
      wish.from->create_args->image = "demo:v1";
    }
    plane->create(wish, cause("create " + uuid),
                  [this](answer<created> result) { told.push_back(std::move(result)); });
  }

  instance_ptr instance_named(const std::string& name) const {
    return plane->find_instance({"", name});
  }
  template_ptr template_named(const std::string& name) const {
    return plane->find_template({"", name});
  }

  static events::cause cause(std::string request) {
    return {std::move(request), "token:test", events::origin::api};
  }

  std::unique_ptr<control_plane> plane;
  std::map<std::string, std::string> answers;  // empty: accepted
  std::vector<answer<created>> told;           // of create_as, in order
  std::string fatal;

 private:
  static caf::actor_system_config& config() {
    static thread_local caf::actor_system_config shared;
    shared.set("scheduler.policy", caf::atom("testing"));
    return shared;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  std::int64_t& now_us_;
  std::mt19937 random_;
  std::multimap<std::int64_t, std::function<void()>> due_;
  caf::actor_system system_;
  std::unique_ptr<platen::testing::watching_driver> driver_;
};

// A client that names instances and keeps the last answer.
struct asked {
  explicit asked(daemon_life& of) : daemon(of) {}

  std::string id(const std::string& name) { return daemon.instance_named(name)->id; }
  control_plane::callback<instance_ptr> heard() {
    return
        [this](answer<instance_ptr> result) { answer_was = result ? "" : result.error().message; };
  }
  void start(const std::string& name) {
    daemon.plane->start_instance(id(name), daemon_life::cause("start"), heard());
  }
  void stop(const std::string& name) {
    daemon.plane->stop_instance(id(name), {false, 10}, daemon_life::cause("stop"), heard());
  }
  void suspend(const std::string& name) {
    daemon.plane->suspend_instance(id(name), 0, daemon_life::cause("suspend"), heard());
  }
  void doze(const std::string& name) {
    daemon.plane->doze_instance(id(name), daemon_life::cause("doze"), heard());
  }
  void convert(const std::string& name, std::uint64_t autokill_ms = 0) {
    daemon.plane->convert_instance(id(name), autokill_ms, daemon_life::cause("convert"), heard());
  }

  daemon_life& daemon;
  std::string answer_was = "nobody answered";
};

// A machine: what stays when daemons come and go.
struct machine {
  std::unique_ptr<daemon_life> boot(unsigned seed = 1) {
    return std::make_unique<daemon_life>(log, world, seed, now_us, wall_offset_us, how);
  }

  std::size_t count(std::string_view type) const {
    std::size_t n = 0;
    REQUIRE(log.read_all(0, [&](const events::envelope& event) {
      n += events::type_name(event.what) == type ? 1 : 0;
      return true;
    }));
    return n;
  }

  options how;
  std::int64_t now_us = 1'700'000'000'000'000;
  std::int64_t wall_offset_us = 0;  // people set clocks
  store::memory_log log;
  std::shared_ptr<hypervisor::sim_world> world = std::make_shared<hypervisor::sim_world>();
};

}  // namespace platen::actors::testing
