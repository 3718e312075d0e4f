// What happens because time has passed: autokill and restarts, over restarts of the daemon too.
#include "tests/actors/machine.hpp"

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::testing;

namespace {

create_instance of_template(const std::string& name, std::uint64_t autokill_ms) {
  create_instance wish;
  wish.name = name;
  wish.autostart = true;
  wish.from.emplace();
  wish.from->which.name = "web";
  wish.from->prepare = true;
  wish.from->autokill_ms = autokill_ms;
  wish.from->create_args.emplace();
  wish.from->create_args->image = "demo:v1";
  return wish;
}

void create(daemon_life& in, create_instance wish) {
  const auto name = wish.name;
  in.plane->create(std::move(wish), daemon_life::cause("create " + name),
                   [&in, name](answer<created> result) {
                     in.answers[name] = result ? "" : result.error().message;
                   });
}

create_instance booted(const std::string& name, const std::string& policy) {
  create_instance wish;
  wish.name = name;
  wish.autostart = true;
  wish.spec.image = "demo:v1";
  wish.spec.restart_policy = policy;
  return wish;
}

}  // namespace

TEST_CASE("a template goes a time after its last clone, and the next request makes it anew") {
  machine m;
  auto daemon = m.boot();
  create(*daemon, of_template("a", 60'000));
  daemon->advance_ms(1000);
  const auto first = daemon->template_named("web")->id;
  daemon->advance_ms(40'000);
  create(*daemon, of_template("b", 60'000));
  daemon->advance_ms(40'000);
  CHECK(daemon->template_named("web")->id == first);
  daemon->advance_ms(21'000);
  CHECK(daemon->template_named("web") == nullptr);
  CHECK(m.count("TemplateAutokilled") == 1);
  CHECK(daemon->instance_named("a")->phase == instance_phase::running);
  create(*daemon, of_template("c", 60'000));
  daemon->advance_ms(1000);
  CHECK(daemon->answers["c"].empty());
  CHECK(daemon->instance_named("c")->phase == instance_phase::running);
  CHECK(daemon->template_named("web")->id != first);
}

TEST_CASE("the time of a template that is to go runs on while the daemon is away") {
  machine m;
  auto daemon = m.boot();
  create(*daemon, of_template("a", 60'000));
  daemon->advance_ms(1000);
  daemon.reset();
  m.now_us += 70'000'000;
  auto second = m.boot(2);
  second->advance_ms(10);
  CHECK(second->template_named("web") == nullptr);
}

TEST_CASE("a wall clock that is set does not stop the time of a template") {
  machine m;
  auto daemon = m.boot();
  create(*daemon, of_template("a", 60'000));
  daemon->advance_ms(1000);
  m.wall_offset_us = -3'600'000'000;
  daemon->advance_ms(61'000);
  CHECK(daemon->template_named("web") == nullptr);
}

TEST_CASE("creates that race with the end of a template get a clone of it or of the next one") {
  for (std::int64_t offset_ms = -3; offset_ms <= 3; ++offset_ms) {
    for (unsigned seed = 1; seed <= 8; ++seed) {
      INFO("offset " << offset_ms << " ms, seed " << seed);
      machine m;
      auto daemon = m.boot(seed);
      create(*daemon, of_template("a", 5'000));
      daemon->advance_ms(1000);
      const auto ends_us = daemon->template_named("web")->last_clone_us + 5'000'000;
      daemon->advance_ms((ends_us - m.now_us) / 1000 + offset_ms);
      create(*daemon, of_template("b", 5'000));
      daemon->advance_ms(1000);
      CHECK(daemon->answers["b"].empty());
      REQUIRE(daemon->instance_named("b"));
      CHECK(daemon->instance_named("b")->phase == instance_phase::running);
    }
  }
}

TEST_CASE("an instance with autokill goes a time after its stop") {
  machine m;
  auto daemon = m.boot();
  auto wish = booted("a", "never");
  wish.spec.autokill_ms = 10'000;
  create(*daemon, wish);
  daemon->advance_ms(60'000);
  REQUIRE(daemon->instance_named("a"));
  daemon->plane->stop_instance(daemon->instance_named("a")->id, {}, daemon_life::cause("stop"),
                               [](const auto&) {});
  daemon->advance_ms(9'000);
  REQUIRE(daemon->instance_named("a"));
  daemon->advance_ms(2'000);
  CHECK(daemon->instance_named("a") == nullptr);
  CHECK(m.count("InstanceAutokilled") == 1);
}

TEST_CASE("an instance that ends is restarted: at once, then after 5 s, 10 s, ...") {
  machine m;
  m.world->plan = [](const hypervisor::vm_ref&) { return sim_fault::crash_while_running; };
  auto daemon = m.boot();
  create(*daemon, booted("a", "always"));
  daemon->advance_ms(1'000);
  CHECK(m.world->boots == 2);  // the first, and the restart without a pause
  CHECK(daemon->instance_named("a")->restarts == 2);
  daemon->advance_ms(4'000);
  CHECK(m.world->boots == 2);
  daemon->advance_ms(2'000);
  CHECK(m.world->boots == 3);
  daemon->advance_ms(7'000);
  CHECK(m.world->boots == 3);
  daemon->advance_ms(2'000);
  CHECK(m.world->boots == 4);

  SECTION("a stop calls the next one off") {
    daemon->plane->stop_instance(daemon->instance_named("a")->id, {}, daemon_life::cause("stop"),
                                 [](const auto&) {});
    daemon->advance_ms(600'000);
    CHECK(m.world->boots == 4);
  }
  SECTION("a daemon that starts meanwhile goes on with them") {
    daemon.reset();
    auto second = m.boot(2);
    second->advance_ms(25'000);
    CHECK(m.world->boots == 5);
  }
  SECTION("a start by somebody begins anew") {
    daemon->plane->start_instance(daemon->instance_named("a")->id, daemon_life::cause("start"),
                                  [](const auto&) {});
    daemon->advance_ms(1'000);
    CHECK(m.world->boots == 6);
    CHECK(daemon->instance_named("a")->restarts == 2);
  }
}

TEST_CASE("a healthy run ends the row of restarts") {
  machine m;
  m.world->timing.crash_after_ms = 15'000;
  m.world->plan = [](const hypervisor::vm_ref&) { return sim_fault::crash_later; };
  auto daemon = m.boot();
  create(*daemon, booted("a", "on-failure"));
  daemon->advance_ms(70'000);
  CHECK(m.world->boots == 5);
  CHECK(daemon->instance_named("a")->restarts == 1);
}

TEST_CASE("an instance with delete-on-stop is gone when it stops") {
  machine m;
  auto daemon = m.boot();
  auto wish = booted("a", "");
  wish.spec.delete_on_stop = true;
  create(*daemon, wish);
  daemon->advance_ms(1'000);
  daemon->plane->stop_instance(daemon->instance_named("a")->id, {}, daemon_life::cause("stop"),
                               [](const auto&) {});
  daemon->advance_ms(1'000);
  CHECK(daemon->instance_named("a") == nullptr);
  CHECK(m.world->vms.empty());
}
