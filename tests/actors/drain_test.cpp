// Draining with the hypervisor, over restarts of the daemon; and what a guest hears of its sleep.
#include "tests/actors/machine.hpp"

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::testing;

namespace {

using hypervisor::sleep_news;

create_instance served(const std::string& name) {
  create_instance wish;
  wish.name = name;
  wish.autostart = true;
  wish.spec.image = "demo:v1";
  wish.spec.scale_to_zero = "on";
  wish.spec.stateful = true;
  wish.spec.cooldown_ms = 1000;
  wish.spec.notify_ms = 200;
  group_wish group;
  group.name = name;
  group.persistent = false;
  events::service port;
  port.port = 80;
  port.destination_port = 8080;
  port.handlers = {"http"};
  group.how.services.push_back(std::move(port));
  wish.group.emplace();
  wish.group->made = std::move(group);
  return wish;
}

void drain_and_stop(asked& ask, std::uint32_t drain_ms) {
  ask.daemon.plane->stop_instance(ask.id("a"), {false, 10, drain_ms}, daemon_life::cause("stop"),
                                  ask.heard());
}

}  // namespace

TEST_CASE("a VM that drains runs on until it has drained") {
  machine m;
  auto daemon = m.boot();
  daemon->create(served("a"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  const auto id = ask.id("a");
  drain_and_stop(ask, 5000);
  daemon->advance_ms(4000);
  CHECK(ask.answer_was.empty());
  CHECK(daemon->instance_named("a")->phase == instance_phase::draining);
  CHECK(m.world->vms.at({id, 1}).alive);
  daemon->plane->drained_instance(id, daemon_life::cause("gateway"), ask.heard());
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("a")->phase == instance_phase::stopped);
  CHECK_FALSE(m.world->vms.at({id, 1}).alive);
}

TEST_CASE("P7: a daemon that ends anywhere in a drain brings it to its end") {
  for (int messages = 0; messages < 30; ++messages) {
    for (const bool suspends : {false, true}) {
      machine m;
      auto daemon = m.boot();
      daemon->create(served("a"));
      daemon->advance_ms(100);
      asked ask(*daemon);
      if (suspends)
        daemon->plane->suspend_instance(ask.id("a"), 300, daemon_life::cause("s"), ask.heard());
      else
        drain_and_stop(ask, 300);
      daemon->run_some(messages);
      daemon.reset();
      daemon = m.boot();
      INFO(messages << " messages");
      const bool recorded = m.count("InstanceDrainStarted") == 1;
      // Nobody says that it has drained: its time has to come, which is known still.
      daemon->advance_ms(200);
      CHECK(daemon->instance_named("a")->phase ==
            (recorded ? instance_phase::draining : instance_phase::running));
      daemon->advance_ms(200);
      const auto now = daemon->instance_named("a")->phase;
      const auto end = suspends ? instance_phase::suspended : instance_phase::stopped;
      CHECK(now == (recorded ? end : instance_phase::running));
      CHECK(m.world->boots == 1);
    }
  }
}

TEST_CASE(
    "a guest hears of its sleep while it runs, and a daemon that ends after it leaves it so") {
  machine m;
  auto daemon = m.boot();
  daemon->create(served("a"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  const auto id = ask.id("a");
  using notices = std::vector<std::pair<hypervisor::vm_ref, sleep_news>>;
  daemon->plane->announce_sleep(id, sleep_news::coming);
  daemon->plane->announce_sleep("nobody", sleep_news::coming);
  daemon->run();
  CHECK(m.world->sleep_notices == notices{{{id, 1}, sleep_news::coming}});
  daemon.reset();
  daemon = m.boot();
  daemon->advance_ms(5000);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  asked again(*daemon);
  daemon->plane->announce_sleep(id, sleep_news::coming);
  daemon->plane->announce_sleep(id, sleep_news::called_off);
  again.doze("a");
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("a")->phase == instance_phase::standby);
  // Asleep it hears nothing.
  daemon->plane->announce_sleep(id, sleep_news::called_off);
  daemon->run();
  CHECK(m.world->sleep_notices == notices{{{id, 1}, sleep_news::coming},
                                          {{id, 1}, sleep_news::coming},
                                          {{id, 1}, sleep_news::called_off}});
}

TEST_CASE("a guest whose spec names no time is not told of its sleep") {
  machine m;
  auto daemon = m.boot();
  auto wish = served("a");
  wish.spec.notify_ms = 0;
  daemon->create(wish);
  daemon->advance_ms(100);
  daemon->plane->announce_sleep(daemon->instance_named("a")->id, sleep_news::coming);
  daemon->run();
  CHECK(m.world->sleep_notices.empty());
}

TEST_CASE("a count of requests is known to the next daemon") {
  machine m;
  auto daemon = m.boot();
  auto wish = served("a");
  wish.spec.autokill_requests = 100;
  daemon->create(wish);
  daemon->advance_ms(100);
  asked ask(*daemon);
  daemon->plane->count_requests(ask.id("a"), 42, daemon_life::cause("gateway"), ask.heard());
  daemon->run();
  daemon.reset();
  daemon = m.boot();
  CHECK(daemon->instance_named("a")->requests_served == 42);
}
