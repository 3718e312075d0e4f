#include <chrono>

#include "actors/replay.hpp"
#include "tests/actors/machine.hpp"

namespace {

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::testing;

// A log that does not take events of one type.
class refusing_log final : public store::event_log {
 public:
  refusing_log(store::event_log& of, std::string type) : of_(of), type_(std::move(type)) {}

  void append(store::append_request request, append_callback done) override {
    if (events::type_name(request.what.front()) != type_)
      return of_.append(std::move(request), std::move(done));
    done(tl::unexpected(store::error{store::error::kind::io, "refused by the test"}));
  }
  store::result<void> read_stream_records(const std::string& stream, std::uint64_t after,
                                          const record_visitor& visit) const override {
    return of_.read_stream_records(stream, after, visit);
  }
  store::result<void> read_records(std::uint64_t after,
                                   const record_visitor& visit) const override {
    return of_.read_records(after, visit);
  }
  store::head newest() const override { return of_.newest(); }
  std::uint64_t subscribe(listener tell) override { return of_.subscribe(std::move(tell)); }
  void unsubscribe(std::uint64_t token) override { of_.unsubscribe(token); }

 private:
  store::event_log& of_;
  std::string type_;
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

TEST_CASE(
    "a template that a restart finds stale says so and is prepared anew by the next request") {
  machine m;
  {
    auto daemon = m.boot();
    daemon->create("good", "web");
    daemon->advance_ms(1000);
    REQUIRE(m.world->snapshots.size() == 1);
  }
  const std::string reason = "stale: made with QEMU 7.2, this host has 8.0";
  m.world->unusable = {{*m.world->snapshots.begin(), reason}};
  auto daemon = m.boot();
  daemon->advance_ms(100);
  CHECK(shown_lifecycle(*daemon->template_named("web")) == "stale");
  CHECK(daemon->template_named("web")->last_failure->reason == reason);
  CHECK(m.world->snapshots.empty());
  CHECK(daemon->instance_named("good")->phase == instance_phase::running);
  daemon->create("again", "web");
  daemon->advance_ms(1000);
  CHECK(daemon->instance_named("again")->phase == instance_phase::running);
  CHECK(shown_lifecycle(*daemon->template_named("web")) == "snapshotted");
  CHECK(m.world->boots == 2);
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

TEST_CASE("a clean end of the daemon that stops VMs does not wait for templates that have none") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web", false);
  daemon->advance_ms(1000);
  REQUIRE(daemon->template_named("web")->phase == template_phase::snapshotted);
  const auto begin = std::chrono::steady_clock::now();
  daemon->plane->shutdown(true);
  // The grace of a stop and its margin are 10 s.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
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
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  daemon->create("b", "web");
  daemon->advance_ms(1000);
  CHECK(daemon->instance_named("b")->phase == instance_phase::running);
  CHECK(daemon->template_named("web")->id != first);
  // Its bytes go with the last instance that may need them again.
  CHECK(m.world->snapshots.size() == 2);
  daemon->plane->delete_instance(daemon->instance_named("a")->id, daemon_life::cause("rm"),
                                 [](const auto&) {});
  daemon->advance_ms(10);
  CHECK(m.world->snapshots.size() == 1);
}

TEST_CASE("made-up names differ even where the UUIDs they are made from begin alike") {
  machine m;
  auto daemon = m.boot();
  int created = 0;
  for (const auto* uuid : {"aaaaaaaa-1", "aaaaaaaa-2"}) {
    create_instance wish;
    wish.uuid = uuid;
    wish.spec.image = "demo:v1";
    daemon->plane->create(wish, daemon_life::cause("c"),
                          [&](const auto& answer) { created += answer ? 1 : 0; });
  }
  daemon->run();
  CHECK(created == 2);
  CHECK(daemon->instance_named("instance-aaaaaaaa"));
  CHECK(daemon->instance_named("instance-aaaaaaaa-2"));
}

TEST_CASE("a name stays with its new template when clones of the old one end after a restart") {
  for (std::int64_t dies_after = 160; dies_after <= 190; ++dies_after) {
    INFO("dies after " << dies_after << " ms");
    machine m;
    auto first = m.boot();
    first->create("a", "web");
    first->advance_ms(dies_after);
    const auto old = first->template_named("web");
    first->plane->delete_template(old->id, daemon_life::cause("rm"), [](const auto&) {});
    first->run();
    first->create("b", "web");
    first->run();
    first.reset();
    auto second = m.boot(2);
    second->advance_ms(50);
    second->create("c", "web");
    second->advance_ms(2000);
    CHECK(second->plane->templates().size() == 1);
    CHECK(m.count("TemplateRequested") == 2);
  }
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

TEST_CASE("an instance starts from the snapshot of a template that was deleted since") {
  machine m;
  auto daemon = m.boot();
  daemon->create("a", "web", false);
  daemon->advance_ms(1000);
  daemon->plane->delete_template(daemon->template_named("web")->id, daemon_life::cause("rm"),
                                 [](const auto&) {});
  daemon->advance_ms(10);
  daemon->plane->start_instance(daemon->instance_named("a")->id, daemon_life::cause("s"),
                                [](const auto&) {});
  daemon->advance_ms(20);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
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
    daemon->plane->create({"", "new", web, {}, false, {}}, daemon_life::cause("c"), count);
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
    daemon->plane->create({"", "later", web, {}, false, {}}, daemon_life::cause("c"),
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
  CHECK(refused.error().find("schema " + std::to_string(events::schema_version + 1)) !=
        std::string::npos);
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

// ---- a wished uuid ------------------------------------------------------------------------------

TEST_CASE("P4: creates for the same uuid at the same time make one instance, all are told of it") {
  for (const std::string of_template : {"", "web"}) {
    for (unsigned seed = 1; seed <= 10; ++seed) {
      INFO("template '" << of_template << "', seed " << seed);
      machine m;
      auto daemon = m.boot(seed);
      for (int i = 0; i < 5; ++i)
        daemon->create_as("wished-uuid", "", of_template);
      daemon->run();
      daemon->create_as("wished-uuid", "", of_template);
      daemon->advance_ms(1000);
      REQUIRE(daemon->told.size() == 6);
      for (const auto& one : daemon->told) {
        REQUIRE(one);
        CHECK(one->instance->id == "wished-uuid");
        CHECK(one->instance->name == "instance-wished-u");
        CHECK((one->of != nullptr) == !of_template.empty());
      }
      CHECK(m.count("InstanceRequested") == 1);
      CHECK(m.count("PreparationStarted") == (of_template.empty() ? 0 : 1));
    }
  }
}

TEST_CASE("P4: a create for the uuid of an instance of an earlier daemon is answered with it") {
  for (std::int64_t dies_after = 0; dies_after <= 240; dies_after += 20) {
    INFO("dies after " << dies_after << " ms");
    machine m;
    auto first = m.boot();
    first->create_as("wished-uuid", "a", "web");
    if (dies_after > 0) first->advance_ms(dies_after);
    first.reset();
    auto second = m.boot(2);
    second->create_as("wished-uuid", "a", "web");
    second->advance_ms(1000);
    REQUIRE(second->told.size() == 1);
    REQUIRE(second->told[0]);
    CHECK(second->told[0]->instance->name == "a");
    CHECK(m.count("InstanceRequested") == 1);
    CHECK(second->template_named("web")->phase == template_phase::snapshotted);
  }
}

TEST_CASE(
    "P4: an instance whose daemon died before it asked for the template gets it by the retry") {
  machine m;
  const auto append = [&](const std::string& stream, events::event what) {
    m.log.append({stream, 0, daemon_life::cause("r"), m.now_us, {std::move(what)}},
                 [](const auto& done) { REQUIRE(done); });
  };
  events::template_requested of;
  of.name = "web";
  of.spec->image = "demo:v1";
  append(template_stream("web-uuid"), of);
  events::instance_requested wanted;
  wanted.name = "a";
  wanted.template_id = "web-uuid";
  wanted.template_name = "web";
  append(instance_stream("wished-uuid"), wanted);
  auto daemon = m.boot();
  daemon->advance_ms(1000);
  REQUIRE(m.count("PreparationStarted") == 0);
  daemon->create_as("wished-uuid", "a", "web");
  daemon->advance_ms(1000);
  CHECK(daemon->told.at(0));
  CHECK(daemon->template_named("web")->phase == template_phase::snapshotted);
}

TEST_CASE("P4: a create for the uuid of a deleted instance is refused and harms nobody") {
  machine m;
  auto daemon = m.boot();
  daemon->create_as("wished-uuid", "a");
  daemon->run();
  daemon->plane->delete_instance("wished-uuid", daemon_life::cause("rm"), [](const auto&) {});
  daemon->run();
  daemon->create_as("wished-uuid", "a");
  daemon->run();
  REQUIRE(daemon->told.size() == 2);
  REQUIRE_FALSE(daemon->told[1]);
  CHECK(daemon->told[1].error().what == rejection::kind::wrong_state);
  CHECK(daemon->fatal.empty());
  CHECK(m.count("InstanceRequested") == 1);
  daemon->create_as("another-uuid", "a");
  daemon->run();
  CHECK(daemon->told.back());
}

TEST_CASE("P8: askers of one create are bounded, one more is told that it is busy") {
  machine m;
  auto daemon = m.boot();
  m.log.hold();
  for (int i = 0; i < 100; ++i)
    daemon->create_as("wished-uuid");
  daemon->run();
  REQUIRE(daemon->told.size() == 100 - 64);
  for (const auto& refused : daemon->told)
    CHECK(refused.error().what == rejection::kind::busy);
  m.log.release();
  daemon->run();
  CHECK(daemon->told.size() == 100);
  CHECK(daemon->told.back());
}

TEST_CASE("a create that the log refuses gives its name and place back") {
  machine m;
  auto daemon = m.boot();
  create_instance wish;
  wish.name = "large";
  wish.spec.image = "demo:v1";
  wish.spec.args.assign(1, std::string(5 << 20, 'x'));  // more than an event may have
  std::string refusal;
  daemon->plane->create(wish, daemon_life::cause("r"),
                        [&](const auto& result) { refusal = result.error().message; });
  daemon->run();
  CHECK(refusal.find("the event log refused") == 0);
  daemon->create_as("", "large");
  daemon->run();
  CHECK(daemon->told.at(0));
}

TEST_CASE("P8: commands that wait for one entity are bounded, one more is told that it is busy") {
  machine m;
  auto daemon = m.boot();
  daemon->create_as("one");
  daemon->run();
  m.log.hold();
  std::size_t busy = 0;
  std::size_t done = 0;
  for (int i = 0; i < 4096 + 1 + 10; ++i)
    daemon->plane->start_instance("one", daemon_life::cause("s"), [&](const auto& result) {
      result ? ++done : ++busy;
      if (!result) CHECK(result.error().what == rejection::kind::busy);
    });
  daemon->run();
  CHECK(busy == 10);
  CHECK(done == 0);
  m.log.release();
  daemon->advance_ms(100);
  CHECK(done == 4096 + 1);
}

// ---- waits
// ---------------------------------------------------------------------------------------

TEST_CASE("a wait ends with the latest state when whoever waits gives up") {
  machine m;
  auto daemon = m.boot();
  daemon->create_as("one", "a");
  daemon->run();
  const auto never = [](const instance::state&) { return false; };
  std::stop_source gives_up;
  std::thread client([&] { gives_up.request_stop(); });
  const auto latest = daemon->plane->wait_instance("one", never, {}, gives_up.get_token());
  client.join();
  CHECK(latest->name == "a");
  CHECK(daemon->plane->wait_instance("one", never, {}, gives_up.get_token())->name == "a");
}

// ---- reconciliation in the log
// -------------------------------------------------------------------

TEST_CASE("P5: what reconciliation adopts and removes is in the log, with its origin") {
  machine m;
  auto first = m.boot();
  first->create("a", "web");
  first->advance_ms(1000);
  first->create("b", "slow");
  first->advance_ms(100);
  const auto instance_id = first->instance_named("a")->id;
  const auto template_id = first->template_named("slow")->id;
  first.reset();
  m.world->vms[{"nobody", 3}].alive = true;
  m.world->snapshots.insert("stray");
  const auto before = m.log.newest().sequence;

  auto second = m.boot(2);
  std::set<std::tuple<std::string, std::string, std::uint32_t>> adopted;
  std::set<std::tuple<std::string, std::string, std::uint32_t>> removed;
  REQUIRE(m.log.read_all(before, [&](const events::envelope& event) {
    const auto* took = std::get_if<events::vm_adopted>(&event.what);
    const auto* left = std::get_if<events::leftover_removed>(&event.what);
    if (took) adopted.emplace(took->kind, took->id, took->attempt);
    if (left) removed.emplace(left->kind, left->id, left->attempt);
    if (took || left) {
      CHECK(event.stream == system_stream);
      CHECK(event.why == events::cause{"", "platend", events::origin::reconcile});
    }
    return true;
  }));
  CHECK(adopted == decltype(adopted){{"instance", instance_id, 1}, {"template", template_id, 1}});
  CHECK(removed == decltype(removed){{"vm", "nobody", 3}, {"snapshot", "stray", 0}});
  CHECK(m.world->vms.count({"nobody", 3}) == 0);
  CHECK(m.world->snapshots.count("stray") == 0);
}

TEST_CASE("P5: nothing left over is removed before the log has it") {
  machine m;
  m.world->vms[{"nobody", 1}].alive = true;
  m.world->snapshots.insert("stray");
  refusing_log log(m.log, "LeftoverRemoved");
  caf::actor_system_config config;
  caf::actor_system system(config);
  auto driver = hypervisor::make_sim_driver(m.world, [](auto, auto) {});
  const auto started = start_plane({nullptr, system, [&] { return m.now_us; }, [] { return "id"; }},
                                   {}, log, *driver);
  REQUIRE_FALSE(started);
  CHECK(started.error() == "refused by the test");
  CHECK(m.world->vms.count({"nobody", 1}) == 1);
  CHECK(m.world->snapshots.count("stray") == 1);
}

TEST_CASE("P5: any number of leftovers is recorded") {
  machine m;
  for (int i = 0; i < 200; ++i)
    m.world->snapshots.insert("stray-" + std::to_string(i));
  const auto daemon = m.boot();
  CHECK(m.count("LeftoverRemoved") == 200);
  CHECK(m.world->snapshots.empty());
}

TEST_CASE("P5: every order to the hypervisor follows from an event that is in the log before it") {
  machine m;
  auto first = m.boot();
  first->create("a", "web");
  first->advance_ms(1000);
  const auto id = first->instance_named("a")->id;
  first->plane->stop_instance(id, {}, daemon_life::cause("stop"), [](const auto&) {});
  first->advance_ms(100);
  first->plane->start_instance(id, daemon_life::cause("start"), [](const auto&) {});
  first->create("b", "slow");
  first->advance_ms(100);
  // Boot, snapshot, clone, stop, the files of the first life, clone, boot.
  CHECK(first->orders() >= 7);
  first.reset();
  m.world->vms[{"nobody", 3}].alive = true;
  auto second = m.boot(2);
  second->advance_ms(1000);
  second->plane->delete_instance(id, daemon_life::cause("rm"), [](const auto&) {});
  second->plane->delete_template(second->template_named("web")->id, daemon_life::cause("rm"),
                                 [](const auto&) {});
  second->advance_ms(100);
  // Adopt twice, remove a leftover, snapshot, clone, and remove what was deleted.
  CHECK(second->orders() >= 7);
  // Each life ends with the check that none of its orders was without an event.
}

TEST_CASE("P5: every event says who, when and why") {
  machine m;
  m.world->plan = [](const hypervisor::vm_ref& vm) {
    return vm.attempt == 1 ? sim_fault::crash_before_signal : sim_fault::none;
  };
  auto first = m.boot();
  first->create("a", "web");
  first->advance_ms(500);
  first->create("b", "web");
  first->advance_ms(1200);
  first.reset();
  auto second = m.boot(2);
  second->advance_ms(3000);
  REQUIRE(second->instance_named("b"));
  second->plane->delete_instance(second->instance_named("b")->id, daemon_life::cause("rm"),
                                 [](const auto&) {});
  second->advance_ms(100);
  std::set<events::origin> origins;
  REQUIRE(m.log.read_all(0, [&](const events::envelope& event) {
    INFO(event.sequence << " " << events::type_name(event.what) << " of " << event.stream << " by "
                        << to_string(event.why.source));
    origins.insert(event.why.source);
    const bool by_api = event.why.source == events::origin::api;
    CHECK(event.time_us >= 1'700'000'000'000'000);
    CHECK((event.why.principal == "token:test" || event.why.principal == "platend"));
    CHECK(by_api >= (event.why.principal == "token:test"));
    if (event.stream != system_stream) {
      CHECK_FALSE(event.why.request_id.empty());
      CHECK_FALSE(event.why.command.empty());
    }
    return true;
  }));
  CHECK(origins.contains(events::origin::api));
  CHECK(origins.contains(events::origin::guest));
  CHECK(origins.contains(events::origin::timer));
  CHECK(origins.contains(events::origin::system));
}
