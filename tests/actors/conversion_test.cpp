// Instances that become templates, over restarts of the daemon.
#include "tests/actors/machine.hpp"

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::testing;

namespace {

create_instance plain(const std::string& name) {
  create_instance wish;
  wish.name = name;
  wish.autostart = true;
  wish.spec.image = "demo:v1";
  wish.spec.tags = {"team:blue"};
  return wish;
}

create_instance clone_of(const std::string& name, const std::string& of) {
  create_instance wish;
  wish.name = name;
  wish.autostart = true;
  wish.from.emplace();
  wish.from->which.name = of;
  return wish;
}

}  // namespace

TEST_CASE("a running instance becomes a template of the same uuid, name and tags, and is cloned") {
  machine m;
  auto daemon = m.boot();
  daemon->create(plain("web"));
  daemon->advance_ms(100);
  const auto id = daemon->instance_named("web")->id;
  asked ask(*daemon);
  ask.convert("web", 60'000);
  daemon->advance_ms(100);
  CHECK(ask.answer_was.empty());
  CHECK(daemon->instance_named("web") == nullptr);
  const auto made = daemon->template_named("web");
  REQUIRE(made);
  CHECK(made->id == id);
  CHECK(made->phase == template_phase::snapshotted);
  CHECK(made->converted_from == id);
  CHECK(made->spec.tags == std::vector<std::string>{"team:blue"});
  CHECK(made->autokill_ms == 60'000);
  CHECK(m.world->snapshots == std::set<std::string>{id + "-1"});
  daemon->create(clone_of("one", "web"));
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("one")->phase == instance_phase::running);
  CHECK(m.world->clones == 1);
  // Its name is free for instances again.
  daemon->create(plain("web"));
  daemon->advance_ms(100);
  CHECK(daemon->answers["web"].empty());
}

TEST_CASE("a stopped instance becomes a cold template, and instances of it boot") {
  machine m;
  auto daemon = m.boot();
  daemon->create(plain("web"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.stop("web");
  daemon->advance_ms(50);
  ask.convert("web");
  daemon->advance_ms(50);
  const auto made = daemon->template_named("web");
  REQUIRE(made);
  CHECK(made->phase == template_phase::cold);
  CHECK(m.world->vms.empty());
  daemon->create(clone_of("one", "web"));
  daemon->advance_ms(100);
  CHECK(daemon->instance_named("one")->phase == instance_phase::running);
  CHECK(m.world->boots == 2);
  CHECK(m.count("PreparationStarted") == 0);
}

TEST_CASE("a conversion is refused while its name is a template's, and the guest is told so") {
  machine m;
  bool signals = false;
  m.world->plan = [&](const auto&) { return signals ? sim_fault::signals : sim_fault::none; };
  auto daemon = m.boot();
  daemon->create("a", "web");
  daemon->advance_ms(1000);
  signals = true;
  daemon->create(plain("web"));
  daemon->advance_ms(1000);
  CHECK(daemon->instance_named("web")->phase == instance_phase::running);
  CHECK(m.world->refused_signals == 1);
  asked ask(*daemon);
  ask.convert("web");
  daemon->advance_ms(10);
  CHECK(ask.answer_was == "An instance template with the name 'web' already exists");
}

TEST_CASE("the guest's own write makes a template of an ordinary instance") {
  machine m;
  m.world->plan = [&](const auto& ref) {
    return ref.attempt == 1 && m.world->boots == 0 ? sim_fault::signals : sim_fault::none;
  };
  auto daemon = m.boot();
  daemon->create(plain("web"));
  daemon->advance_ms(1000);
  const auto made = daemon->template_named("web");
  REQUIRE(made);
  CHECK(made->phase == template_phase::snapshotted);
  CHECK(m.count("InstanceConverted") == 1);
  CHECK(m.world->refused_signals == 0);
}

TEST_CASE("a conversion that fails leaves the instance running, and a guest's write fails") {
  machine m;
  m.world->plan = [](const auto&) { return sim_fault::snapshot_fails; };
  auto daemon = m.boot();
  daemon->create(plain("web"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.convert("web");
  daemon->advance_ms(100);
  const auto now = daemon->instance_named("web");
  CHECK(now->phase == instance_phase::running);
  CHECK(now->last_setback->reason == "No space left on device");
  CHECK(daemon->template_named("web") == nullptr);
  // The name is free again.
  daemon->create("a", "web");
  daemon->advance_ms(10);
  CHECK(daemon->answers["a"].empty());
}

TEST_CASE("a converted clone gives back what it held of its template") {
  machine m;
  auto daemon = m.boot();
  daemon->create("one", "base");
  daemon->advance_ms(1000);
  const auto base = daemon->template_named("base");
  CHECK(base->holders.size() == 1);
  asked ask(*daemon);
  ask.convert("one");
  daemon->advance_ms(100);
  CHECK(daemon->template_named("base")->holders.empty());
  daemon->plane->delete_template(base->id, daemon_life::cause("rm"), [](const auto&) {});
  daemon->advance_ms(10);
  CHECK(m.world->snapshots.size() == 1);
  daemon->create(clone_of("two", "one"));
  daemon->advance_ms(50);
  CHECK(daemon->instance_named("two")->phase == instance_phase::running);
}

TEST_CASE("a request for a template that an instance is about to become is to be repeated") {
  machine m;
  auto daemon = m.boot();
  daemon->create(plain("web"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.convert("web");
  daemon->run();
  daemon->create("a", "web");
  daemon->run();
  CHECK(daemon->answers["a"] ==
        "the instance 'web' is being converted into the template of that name");
  daemon->advance_ms(100);
  daemon->create("a", "web");
  daemon->advance_ms(50);
  CHECK(daemon->answers["a"].empty());
  CHECK(m.count("PreparationStarted") == 0);
}

TEST_CASE("a converted template whose snapshot is damaged is not prepared anew") {
  machine m;
  auto daemon = m.boot();
  daemon->create(plain("web"));
  daemon->advance_ms(100);
  asked ask(*daemon);
  ask.convert("web");
  daemon->advance_ms(100);
  m.world->snapshots.clear();
  daemon->create(clone_of("one", "web"));
  daemon->advance_ms(5000);
  CHECK(daemon->instance_named("one")->phase == instance_phase::failed);
  CHECK(m.count("PreparationStarted") == 0);
}

// The events are, in this order: InstanceConversionRequested, TemplateRequested with
// TemplateSnapshotted, InstanceConverted. Whenever the daemon ends, the next one brings it to its
// end, or back.
TEST_CASE("P7: a daemon that ends anywhere in a conversion leaves one instance or one template") {
  for (const bool hot : {true, false})
    for (int messages = 0; messages < 60; ++messages) {
      machine m;
      auto daemon = m.boot();
      daemon->create(plain("web"));
      daemon->advance_ms(100);
      asked ask(*daemon);
      if (!hot) ask.stop("web");
      daemon->advance_ms(20);
      const auto id = daemon->instance_named("web")->id;
      ask.convert("web");
      daemon->run_some(messages % 30);
      // Through the snapshot's time in the second half of the runs.
      if (messages >= 30) daemon->advance_ms(messages - 30);
      daemon.reset();
      daemon = m.boot();
      daemon->advance_ms(100);
      INFO((hot ? "hot, " : "cold, ") << messages);
      const bool converted = daemon->template_named("web") != nullptr;
      CHECK(converted == (daemon->instance_named("web") == nullptr));
      CHECK(converted == (m.count("InstanceConversionRequested") == 1));
      CHECK(m.count("InstanceConverted") == (converted ? 1 : 0));
      CHECK(m.count("TemplateRequested") == (converted ? 1 : 0));
      if (!converted) continue;
      CHECK(daemon->template_named("web")->id == id);
      daemon->create(clone_of("one", "web"));
      daemon->advance_ms(100);
      CHECK(daemon->instance_named("one")->phase == instance_phase::running);
    }
}
