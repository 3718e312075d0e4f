// Suspend, resume and standby with the hypervisor, over restarts of the daemon.
#include "tests/actors/machine.hpp"

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::testing;

namespace {

create_instance sleepy(const std::string& name, bool stateful = true) {
  create_instance wish;
  wish.name = name;
  wish.autostart = true;
  wish.spec.image = "demo:v1";
  wish.spec.scale_to_zero = "on";
  wish.spec.stateful = stateful;
  return wish;
}

bool has_vm(const machine& m, const std::string& id, std::uint32_t attempt) {
  return m.world->vms.contains({id, attempt});
}

}  // namespace

TEST_CASE("an instance is suspended and resumed; the suspended VM goes when the new one runs") {
  machine m;
  auto daemon = m.boot();
  daemon->create(sleepy("a"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  const auto id = ask.id("a");
  ask.suspend("a");
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("a")->phase == instance_phase::suspended);
  CHECK(daemon->instance_named("a")->suspended_bytes > 0);
  ask.start("a");
  daemon->advance_ms(50);
  CHECK(ask.answer_was.empty());
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(m.world->resumes == 1);
  CHECK_FALSE(has_vm(m, id, 1));
  CHECK(has_vm(m, id, 2));
}

TEST_CASE("a deleted instance's suspended memory goes with it, and so does a forced stop's") {
  machine m;
  auto daemon = m.boot();
  daemon->create(sleepy("a"));
  daemon->create(sleepy("b"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.suspend("a");
  ask.suspend("b");
  daemon->advance_ms(50);
  CHECK(m.world->vms.size() == 2);
  daemon->plane->delete_instance(ask.id("a"), daemon_life::cause("rm"), ask.heard());
  daemon->plane->stop_instance(ask.id("b"), {true, 0}, daemon_life::cause("stop"), ask.heard());
  daemon->advance_ms(50);
  CHECK(m.world->vms.empty());
  CHECK(daemon->instance_named("b")->phase == instance_phase::stopped);
}

TEST_CASE("a suspend that fails is told, and the instance goes on") {
  machine m;
  m.world->plan = [](const auto&) { return sim_fault::suspend_fails; };
  auto daemon = m.boot();
  daemon->create(sleepy("a"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.suspend("a");
  daemon->advance_ms(50);
  const auto now = daemon->instance_named("a");
  CHECK(now->phase == instance_phase::running);
  CHECK(now->last_setback->stage == "suspend");
  CHECK(m.world->boots == 1);
}

TEST_CASE("a resume that fails is tried again by a start; damaged memory is not") {
  machine m;
  auto fault = sim_fault::none;
  m.world->plan = [&](const auto&) { return fault; };
  auto daemon = m.boot();
  daemon->create(sleepy("a"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.suspend("a");
  daemon->advance_ms(50);
  fault = sim_fault::resume_fails;
  ask.start("a");
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("a")->phase == instance_phase::failed);
  CHECK(daemon->instance_named("a")->last_failure->stage == "resume");
  // The suspended memory outlives the daemon.
  daemon.reset();
  daemon = m.boot();
  asked again(*daemon);
  fault = sim_fault::none;
  again.start("a");
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(m.world->resumes == 1);
  again.suspend("a");
  daemon->advance_ms(50);
  fault = sim_fault::state_damaged;
  again.start("a");
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("a")->last_failure->stage == "verify");
  fault = sim_fault::none;
  again.start("a");
  daemon->advance_ms(200);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  CHECK(m.world->boots == 2);
}

TEST_CASE("what sleeps by scale to zero is in standby, and a start wakes it") {
  machine m;
  auto daemon = m.boot();
  daemon->create(sleepy("stateful"));
  daemon->create(sleepy("forgetful", false));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.doze("stateful");
  ask.doze("forgetful");
  daemon->advance_ms(50);
  for (const auto* name : {"stateful", "forgetful"})
    CHECK(daemon->instance_named(name)->phase == instance_phase::standby);
  CHECK(m.world->suspends == 1);
  ask.start("stateful");
  ask.start("forgetful");
  daemon->advance_ms(200);
  for (const auto* name : {"stateful", "forgetful"})
    CHECK(daemon->instance_named(name)->phase == instance_phase::running);
  CHECK(m.world->resumes == 1);
  CHECK(m.world->boots == 3);
}

TEST_CASE("a clean end of the daemon that stops VMs leaves what sleeps asleep") {
  machine m;
  auto daemon = m.boot();
  daemon->create(sleepy("a"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.doze("a");
  daemon->advance_ms(50);
  daemon->plane->shutdown(true);
  daemon.reset();
  daemon = m.boot();
  CHECK(daemon->instance_named("a")->phase == instance_phase::standby);
}

// From the request to sleep to the resumed VM, the daemon ends after each number of messages.
TEST_CASE("P7: a daemon that ends anywhere in a suspend or a resume brings it to its end") {
  for (int messages = 0; messages < 40; ++messages) {
    machine m;
    auto daemon = m.boot();
    daemon->create(sleepy("a"));
    daemon->advance_ms(100);
    asked first(*daemon);
    first.suspend("a");
    daemon->run_some(messages);
    daemon.reset();
    daemon = m.boot();
    daemon->advance_ms(50);
    INFO(messages << " messages");
    const auto now = daemon->instance_named("a");
    // The suspend was recorded or it was not.
    const bool suspended = now->phase == instance_phase::suspended;
    CHECK((suspended || now->phase == instance_phase::running));
    CHECK(suspended == (m.count("InstanceSuspendRequested") == 1));
    if (!suspended) continue;
    asked second(*daemon);
    second.start("a");
    daemon->run_some(messages);
    daemon.reset();
    daemon = m.boot();
    daemon->advance_ms(50);
    const bool resumed = daemon->instance_named("a")->phase == instance_phase::running;
    CHECK(resumed == (m.count("InstanceResumeStarted") >= 1));
    CHECK(m.world->vms.size() == 1);
    CHECK(m.world->boots == 1);
  }
}

TEST_CASE("P7: a daemon that ends at any millisecond of a suspend and a resume finds its VM") {
  for (int ms = 0; ms < 20; ++ms) {
    machine m;
    auto daemon = m.boot();
    daemon->create(sleepy("a"));
    daemon->advance_ms(100);
    asked first(*daemon);
    first.suspend("a");
    daemon->advance_ms(ms);
    daemon.reset();
    daemon = m.boot();
    daemon->advance_ms(50);
    INFO(ms << " ms");
    REQUIRE(daemon->instance_named("a")->phase == instance_phase::suspended);
    asked second(*daemon);
    second.start("a");
    daemon->advance_ms(ms);
    daemon.reset();
    daemon = m.boot();
    daemon->advance_ms(50);
    CHECK(daemon->instance_named("a")->phase == instance_phase::running);
    CHECK(m.world->boots == 1);
    CHECK(m.world->vms.size() == 1);
  }
}

TEST_CASE("P7: a machine that loses what was suspended says so, and the instance can start anew") {
  machine m;
  auto daemon = m.boot();
  daemon->create(sleepy("a"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.suspend("a");
  daemon->advance_ms(50);
  daemon.reset();
  m.world->vms.clear();
  daemon = m.boot();
  daemon->advance_ms(10);
  CHECK(daemon->instance_named("a")->phase == instance_phase::failed);
  asked again(*daemon);
  again.start("a");
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
}
