// The control plane on the deterministic scheduler: seeded interleavings, virtual time, the
// simulated hypervisor, the log in memory.
#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <catch2/catch.hpp>
#include <random>

#include "actors/plane.hpp"
#include "actors/replay.hpp"
#include "hypervisor/sim/sim_driver.hpp"
#include "store/memory_log.hpp"

namespace {

using namespace platen;
using namespace platen::actors;
using hypervisor::sim_fault;
using template_phase = vm_template::lifecycle;
using instance_phase = instance::lifecycle;

// One life of a daemon over a log and a world that outlive it.
class daemon_life {
 public:
  daemon_life(store::event_log& log, std::shared_ptr<hypervisor::sim_world> world, unsigned seed,
              std::int64_t& now_us, const std::int64_t& wall_offset_us)
      : now_us_(now_us), random_(seed), system_(config()) {
    driver_ = hypervisor::make_sim_driver(
        std::move(world), [this](std::uint64_t delay_ms, std::function<void()> step) {
          due_.emplace(now_us_ + static_cast<std::int64_t>(delay_ms) * 1000, std::move(step));
        });
    options how;
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
  }

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
    plane->create(wish, cause("create " + name), [this, name](answer<created> result) {
      answers[name] = result ? "" : result.error().message;
    });
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
  std::unique_ptr<hypervisor::driver> driver_;
};

// A machine: what stays when daemons come and go.
struct machine {
  std::unique_ptr<daemon_life> boot(unsigned seed = 1) {
    return std::make_unique<daemon_life>(log, world, seed, now_us, wall_offset_us);
  }

  std::size_t count(std::string_view type) const {
    std::size_t n = 0;
    REQUIRE(log.read_all(0, [&](const events::envelope& event) {
      n += events::type_name(event.what) == type ? 1 : 0;
      return true;
    }));
    return n;
  }

  std::int64_t now_us = 1'700'000'000'000'000;
  std::int64_t wall_offset_us = 0;  // people set clocks
  store::memory_log log;
  std::shared_ptr<hypervisor::sim_world> world = std::make_shared<hypervisor::sim_world>();
};

}  // namespace

TEST_CASE("a thousand concurrent identical requests: one preparation, one boot, a clone each") {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    machine m;
    auto daemon = m.boot(seed);
    for (int i = 0; i < 1000; ++i)
      daemon->create("i" + std::to_string(i), "web");
    daemon->advance_ms(1000);
    CHECK(m.count("PreparationStarted") == 1);
    CHECK(m.world->boots == 1);
    CHECK(m.world->clones == 1000);
    CHECK(m.count("InstanceRunning") == 1000);
    for (const auto& one : daemon->plane->instances())
      CHECK(one->phase == instance_phase::running);
    CHECK(daemon->template_named("web")->clones_in_flight.empty());
  }
}

TEST_CASE("a template that exists is cloned at once") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(1000);
  daemon->create("b", "web");
  daemon->advance_ms(20);
  CHECK(daemon->instance_named("b")->phase == instance_phase::running);
  CHECK(m.world->boots == 1);
}

TEST_CASE("a name that is taken is refused and nothing is recorded") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(1000);
  const auto before = m.log.newest().sequence;
  daemon->create("a", "web");
  daemon->advance_ms(10);
  CHECK(daemon->answers["a"] == "An instance with the name 'a' already exists");
  CHECK(m.log.newest().sequence == before);
}

TEST_CASE(
    "waiters of a failed preparation get its stage, reason and console; the next one retries") {
  machine m;
  bool broken = true;
  m.world->plan = [&](const hypervisor::vm_ref&) {
    return broken ? sim_fault::crash_before_signal : sim_fault::none;
  };
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->create("b", "web");
  daemon->advance_ms(500);
  for (const auto* name : {"a", "b"}) {
    const auto failed = daemon->instance_named(name);
    REQUIRE(failed->phase == instance_phase::failed);
    CHECK(failed->last_failure->stage == "guest_signal");
    CHECK(failed->last_failure->reason == "the guest's kernel panicked");
    CHECK(failed->last_failure->console_tail.find("Kernel panic") != std::string::npos);
  }
  CHECK(m.count("PreparationStarted") == 1);

  broken = false;
  daemon->create("c", "web");
  daemon->advance_ms(2000);
  CHECK(daemon->instance_named("c")->phase == instance_phase::running);
  CHECK(m.count("PreparationStarted") == 2);
}

TEST_CASE("a missing image fails the preparation in one attempt") {
  machine m;
  m.world->plan = [](const hypervisor::vm_ref&) { return sim_fault::image_missing; };
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(3000);
  CHECK(daemon->instance_named("a")->phase == instance_phase::failed);
  CHECK(daemon->instance_named("a")->last_failure->stage == "image");
  CHECK(m.count("PreparationStarted") == 1);
}

TEST_CASE("a guest that never signals is awaited; with a timeout it fails") {
  machine m;
  m.world->plan = [](const hypervisor::vm_ref&) { return sim_fault::never_signals; };
  auto daemon = m.boot();
  daemon->create("patient", "for-ever");
  daemon->create("hasty", "bounded", true, 2000);
  daemon->advance_ms(10'000);
  CHECK(daemon->template_named("for-ever")->phase == template_phase::awaiting_guest_signal);
  CHECK(daemon->instance_named("patient")->phase == instance_phase::waiting_for_template);
  CHECK(daemon->template_named("bounded")->phase == template_phase::preparation_failed);
  CHECK(daemon->instance_named("hasty")->phase == instance_phase::failed);
  CHECK(daemon->instance_named("hasty")->last_failure->stage == "guest_signal");
}

TEST_CASE("without autostart the template is prepared and the instance stays stopped") {
  machine m;
  auto daemon = m.boot();
  daemon->create("later", "web", false);
  daemon->advance_ms(1000);
  CHECK(daemon->template_named("web")->phase == template_phase::snapshotted);
  CHECK(daemon->instance_named("later")->phase == instance_phase::stopped);
  CHECK(m.world->clones == 0);
  daemon->plane->start_instance(daemon->instance_named("later")->id, daemon_life::cause("s"),
                                [](const auto&) {});
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("later")->phase == instance_phase::running);
}

TEST_CASE("a damaged snapshot runs no clone, says why, and is prepared anew by the next request") {
  machine m;
  auto daemon = m.boot();
  daemon->create("good", "web");
  daemon->advance_ms(1000);
  m.world->plan = [](const hypervisor::vm_ref&) { return sim_fault::snapshot_damaged; };
  daemon->create("bad", "web");
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("bad")->phase == instance_phase::failed);
  CHECK(daemon->instance_named("bad")->last_failure->reason.find("manifest") != std::string::npos);
  CHECK(daemon->template_named("web")->phase == template_phase::preparation_failed);
  CHECK(m.world->snapshots.empty());
  m.world->plan = nullptr;
  daemon->create("again", "web");
  daemon->advance_ms(1000);
  CHECK(daemon->instance_named("again")->phase == instance_phase::running);
  CHECK(daemon->instance_named("good")->phase == instance_phase::running);
}

TEST_CASE("stop, start and delete") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(1000);
  const auto id = daemon->instance_named("a")->id;
  daemon->plane->stop_instance(id, {}, daemon_life::cause("stop"), [](const auto&) {});
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("a")->phase == instance_phase::stopped);
  CHECK(daemon->instance_named("a")->last_stop->by_user);
  daemon->plane->start_instance(id, daemon_life::cause("start"), [](const auto&) {});
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(daemon->instance_named("a")->attempt == 2);
  daemon->plane->delete_instance(id, daemon_life::cause("rm"), [](const auto&) {});
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("a") == nullptr);
  CHECK(m.world->vms.empty());
  daemon->create("a", "web");
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
}

TEST_CASE("deleting a template leaves its clones and gives its name to the next one") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(1000);
  const auto first = daemon->template_named("web")->id;
  daemon->plane->delete_template(first, daemon_life::cause("rm"), [](const auto&) {});
  daemon->advance_ms(10);
  CHECK(daemon->template_named("web") == nullptr);
  CHECK(m.world->snapshots.empty());
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  daemon->create("b", "web");
  daemon->advance_ms(1000);
  CHECK(daemon->instance_named("b")->phase == instance_phase::running);
  CHECK(daemon->template_named("web")->id != first);
}

TEST_CASE("deleting a template under preparation refuses its waiters") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(60);
  REQUIRE(daemon->template_named("web"));
  daemon->plane->delete_template(daemon->template_named("web")->id, daemon_life::cause("rm"),
                                 [](const auto&) {});
  daemon->advance_ms(500);
  CHECK(daemon->instance_named("a")->phase == instance_phase::failed);
  CHECK(daemon->instance_named("a")->last_failure->reason == "the template was deleted");
  CHECK(m.world->vms.empty());
}

TEST_CASE("an instance whose template is gone fails to start with that reason") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web", false);
  daemon->advance_ms(1000);
  daemon->plane->delete_template(daemon->template_named("web")->id, daemon_life::cause("rm"),
                                 [](const auto&) {});
  daemon->advance_ms(10);
  daemon->plane->start_instance(daemon->instance_named("a")->id, daemon_life::cause("s"),
                                [](const auto&) {});
  daemon->advance_ms(10);
  CHECK(daemon->instance_named("a")->phase == instance_phase::failed);
}

TEST_CASE("P1 P3 P7: a daemon that dies at any moment loses nothing that was acknowledged") {
  // 40 ms apart, the moments fall into booting, warming up, snapshotting, cloning and running.
  for (std::int64_t dies_after = 0; dies_after <= 240; dies_after += 8) {
    for (unsigned seed = 1; seed <= 4; ++seed) {
      INFO("dies after " << dies_after << " ms, seed " << seed);
      machine m;
      auto first = m.boot(seed);
      first->create("a", "web");
      first->create("b", "web");
      first->advance_ms(dies_after);
      first->create("late", "web");
      first->run();
      const auto accepted = first->answers;
      first.reset();

      auto second = m.boot(seed + 100);
      second->advance_ms(2000);
      CHECK(second->fatal.empty());
      for (const auto& [name, refusal] : accepted) {
        REQUIRE(refusal.empty());
        const auto one = second->instance_named(name);
        REQUIRE(one);
        CHECK(one->phase == instance_phase::running);
      }
      CHECK(second->template_named("web")->clones_in_flight.empty());
      // Nothing runs without an owner.
      for (const auto& [ref, vm] : m.world->vms) {
        if (!vm.alive) continue;
        const auto owner = second->plane->find_instance({ref.id, ""});
        REQUIRE(owner);
        CHECK(owner->attempt == ref.attempt);
      }
      // What the second daemon lives with is what the log says.
      const auto folded = replay(m.log);
      REQUIRE(folded);
      for (const auto& one : second->plane->instances())
        CHECK(folded->instances.at(one->id) == *one);
      for (const auto& one : second->plane->templates())
        CHECK(folded->templates.at(one->id) == *one);
    }
  }
}

TEST_CASE(
    "P7: a machine that lost its VMs and snapshots with the daemon prepares and clones again") {
  for (std::int64_t dies_after = 0; dies_after <= 240; dies_after += 5) {
    INFO("dies after " << dies_after << " ms");
    machine m;
    auto first = m.boot();
    first->create("a", "web");
    first->create("b", "web");
    first->run();
    first->advance_ms(dies_after);
    first.reset();
    m.world->vms.clear();
    m.world->snapshots.clear();

    auto second = m.boot(2);
    second->create("c", "web");
    second->advance_ms(5000);
    CHECK(second->fatal.empty());
    CHECK(second->instance_named("c")->phase == instance_phase::running);
    for (const auto* name : {"a", "b"})
      CHECK(settled(*second->instance_named(name)));
    CHECK(second->template_named("web")->clones_in_flight.empty());
  }
}

TEST_CASE(
    "P7: what a VM that was lost with its daemon left behind goes when the next attempt begins") {
  for (const std::int64_t dies_after : {60, 200}) {
    INFO("dies after " << dies_after << " ms");
    machine m;
    auto first = m.boot();
    first->create("of a template", "web");
    create_instance alone;
    alone.name = "alone";
    alone.spec.image = "demo:v1";
    alone.autostart = true;
    first->plane->create(alone, daemon_life::cause("c"), [](const auto&) {});
    first->advance_ms(dies_after);
    first.reset();
    for (auto& [ref, vm] : m.world->vms)
      vm.alive = false;

    auto second = m.boot(2);
    second->advance_ms(1000);
    for (const auto* name : {"of a template", "alone"})
      second->plane->start_instance(second->instance_named(name)->id, daemon_life::cause("s"),
                                    [](const auto&) {});
    second->advance_ms(1000);
    CHECK(m.world->vms.size() == 2);
    for (const auto& [ref, vm] : m.world->vms)
      CHECK(vm.alive);
  }
}

TEST_CASE("what a stopping daemon has not got to is answered, and answered once") {
  for (int done_before = 0; done_before < 12; ++done_before) {
    INFO(done_before << " messages were handled before the end");
    machine m;
    auto daemon = m.boot();
    daemon->create("old", "web");
    daemon->advance_ms(1000);
    const auto id = daemon->instance_named("old")->id;
    const auto of = daemon->template_named("web")->id;
    int answered = 0;
    const auto count = [&](const auto&) { ++answered; };
    template_wish web;
    web.which.name = "web";
    daemon->plane->create({"new", web, {}, false}, daemon_life::cause("c"), count);
    daemon->plane->stop_instance(id, {}, daemon_life::cause("s"), count);
    daemon->plane->delete_template(of, daemon_life::cause("d"), count);
    daemon->run_some(done_before);
    daemon.reset();
    CHECK(answered == 3);
  }
}

TEST_CASE("P1: a create that only prepares is acknowledged when the log has the preparation") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    machine m;
    auto daemon = m.boot(seed);
    template_wish web;
    web.which.name = "web";
    web.prepare = true;
    web.create_args.emplace();
    std::optional<std::size_t> preparations;
    daemon->plane->create({"later", web, {}, false}, daemon_life::cause("c"),
                          [&](const auto& answer) {
                            CHECK(answer);
                            preparations = m.count("PreparationStarted");
                          });
    daemon->run();
    CHECK(preparations == 1U);
  }
}

TEST_CASE("a wall clock that is set back lengthens neither a timeout nor a backoff") {
  for (const std::int64_t jump_us : {-3'600'000'000, 3'600'000'000}) {
    INFO("by " << jump_us << " us");
    machine m;
    bool broken = true;
    m.world->plan = [&](const hypervisor::vm_ref&) {
      return broken ? sim_fault::never_signals : sim_fault::none;
    };
    auto daemon = m.boot();
    daemon->create("hasty", "web", true, 2000);
    daemon->advance_ms(500);
    m.wall_offset_us += jump_us;
    daemon->advance_ms(1000);
    CHECK(daemon->template_named("web")->phase == template_phase::awaiting_guest_signal);
    daemon->advance_ms(600);
    CHECK(daemon->template_named("web")->phase == template_phase::preparation_failed);
    CHECK(daemon->instance_named("hasty")->phase == instance_phase::failed);

    broken = false;
    daemon->create("again", "web", true, 2000);
    daemon->advance_ms(100);
    m.wall_offset_us += jump_us;
    daemon->advance_ms(1500);
    CHECK(daemon->instance_named("again")->phase == instance_phase::running);
    CHECK(daemon->fatal.empty());
  }
}

TEST_CASE("P7: a stale report does not count as the answer of a VM that is being taken over") {
  machine m;
  auto first = m.boot();
  first->create("a", "web");
  first->advance_ms(60);
  REQUIRE(first->template_named("web")->phase == template_phase::awaiting_guest_signal);
  first.reset();
  // The VM does not answer its new daemon, and before it is given up an old report arrives.
  bool adopting = true;
  m.world->post = [&](const hypervisor::report& what) {
    hypervisor::delivery fate;
    if (!std::exchange(adopting, false)) return fate;
    fate.lost = true;
    const hypervisor::exited gone{false, 0, "the VM does not answer", ""};
    fate.others.push_back({1, {{what.vm.id, 0}, gone}});
    fate.others.push_back({2, {what.vm, gone}});
    return fate;
  };
  auto second = m.boot(2);
  second->advance_ms(1000);
  CHECK(m.count("PreparationFailed") == 0);
  CHECK(m.count("PreparationStarted") == 2);
  CHECK(second->instance_named("a")->phase == instance_phase::running);
}

namespace {

// A log as a newer version of Platen would leave it, from `sequence` on.
class newer_log final : public store::event_log {
 public:
  newer_log(store::memory_log& log, std::uint64_t sequence) : log_(log), sequence_(sequence) {}
  void append(store::append_request request, append_callback done) override {
    log_.append(std::move(request), std::move(done));
  }
  store::result<void> read_stream_records(const std::string& stream, std::uint64_t after,
                                          const record_visitor& visit) const override {
    return log_.read_stream_records(stream, after, visit);
  }
  store::result<void> read_records(std::uint64_t after,
                                   const record_visitor& visit) const override {
    return log_.read_records(after, [&](events::envelope event, std::string_view record) {
      if (event.sequence >= sequence_) event.schema = events::schema_version + 1;
      return visit(event, record);
    });
  }
  store::head newest() const override { return log_.newest(); }
  std::uint64_t subscribe(listener tell) override { return log_.subscribe(std::move(tell)); }
  void unsubscribe(std::uint64_t token) override { log_.unsubscribe(token); }

 private:
  store::memory_log& log_;
  std::uint64_t sequence_;
};

}  // namespace

TEST_CASE("a log with events of a newer schema is refused before anything is done with it") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(1000);
  daemon.reset();
  const auto before = m.log.newest().sequence;
  const auto vms = m.world->vms.size();
  newer_log log(m.log, 5);
  const auto driver = hypervisor::make_sim_driver(m.world, [](auto, auto) {});
  const auto refused = control_plane::start({}, log, *driver);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().find("schema 3") != std::string::npos);
  CHECK(refused.error().find("sequence 5") != std::string::npos);
  CHECK(m.log.newest().sequence == before);
  CHECK(m.world->vms.size() == vms);
}

TEST_CASE("P7: VMs that run are adopted by the next daemon, not started again") {
  machine m;
  auto first = m.boot();
  first->create("a", "web");
  first->advance_ms(1000);
  const auto before = first->instance_named("a");
  first.reset();
  auto second = m.boot();
  second->advance_ms(100);
  const auto after = second->instance_named("a");
  CHECK(after->phase == instance_phase::running);
  CHECK(after->attempt == before->attempt);
  CHECK(after->pid == before->pid);
  CHECK(m.world->clones == 1);
}

TEST_CASE("P7: reports that come twice, or never, do no harm") {
  for (const auto fault : {sim_fault::duplicate_reports, sim_fault::silent}) {
    machine m;
    m.world->plan = [fault](const hypervisor::vm_ref&) { return fault; };
    auto daemon = m.boot();
    daemon->create("a", "web", true, 1000);
    daemon->advance_ms(3000);
    const bool heard = fault == sim_fault::duplicate_reports;
    CHECK(daemon->instance_named("a")->phase ==
          (heard ? instance_phase::running : instance_phase::failed));
    CHECK(m.count("InstanceRunning") == (heard ? 1u : 0u));
  }
}

TEST_CASE("P5: every event that follows from a request carries that request's id") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(1000);
  REQUIRE(m.log.read_all(0, [&](const events::envelope& event) {
    if (event.stream != system_stream) CHECK(event.why.request_id == "create a");
    return true;
  }));
}

TEST_CASE("the same seed gives the same log") {
  const auto run = [](unsigned seed) {
    machine m;
    auto daemon = m.boot(seed);
    for (int i = 0; i < 20; ++i)
      daemon->create("i" + std::to_string(i), i % 2 ? "web" : "api");
    daemon->advance_ms(1000);
    return m.log.newest().hash;
  };
  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}
