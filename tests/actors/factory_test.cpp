// The factory's rules, without an actor.
#include "actors/factory.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace platen::actors;
using phase = vm_template::lifecycle;

const factory_settings settings{true, "team/app:v1", 256, 2, 60'000};

platen::events::vm_spec wanted() {
  platen::events::vm_spec spec;
  spec.image = "team/app:v1";
  spec.memory_mb = 256;
  spec.vcpus = 2;
  return spec;
}

vm_template::state in_phase(phase value) {
  vm_template::state made;
  made.id = "4b1d0e6c-0000-4000-8000-000000000001";
  made.name = factory_template_name;
  made.spec = *factory_wish(settings).create_args;
  made.phase = value;
  return made;
}

}  // namespace

TEST_CASE("the factory's template is what its settings say, prepared at once") {
  const auto wish = factory_wish(settings);
  CHECK(wish.which.name == "vm-factory");
  CHECK(wish.prepare);
  CHECK(wish.prepare_timeout_ms == 60'000);
  REQUIRE(wish.create_args);
  CHECK(wish.create_args->image == "team/app:v1");
  CHECK(wish.create_args->memory_mb == 256);
  CHECK(wish.create_args->vcpus == 2);
}

TEST_CASE("the factory's state says why it is off") {
  CHECK(status_of({}, nullptr).is == factory_state::not_enabled);
  CHECK(status_of(settings, nullptr).is == factory_state::not_prepared);
  const auto deleted = in_phase(phase::deleted);
  CHECK(status_of(settings, &deleted).is == factory_state::not_prepared);
  for (const auto value :
       {phase::requested, phase::preparing, phase::awaiting_guest_signal, phase::snapshotting}) {
    const auto there = in_phase(value);
    CHECK(status_of(settings, &there).is == factory_state::preparing);
  }
  auto failed = in_phase(phase::preparation_failed);
  failed.last_failure.emplace();
  failed.last_failure->stage = "boot";
  failed.last_failure->reason = "no kernel";
  CHECK(status_of(settings, &failed).is == factory_state::failed);
  CHECK(status_of(settings, &failed).why == "boot: no kernel");
  const auto on = in_phase(phase::snapshotted);
  CHECK(status_of(settings, &on).is == factory_state::on);
  CHECK(status_of(settings, &on).why.empty());
}

TEST_CASE("a template of another configuration is stale, whatever its phase, and says in what") {
  for (const auto value : {phase::snapshotted, phase::preparing, phase::preparation_failed}) {
    auto there = in_phase(value);
    there.spec.memory_mb = 512;
    there.spec.vcpus = 1;
    const auto status = status_of(settings, &there);
    CHECK(status.is == factory_state::stale);
    CHECK(status.why.find("'memory_mb' and 'vcpus' differ") != std::string::npos);
  }
}

TEST_CASE(
    "a template that was made with what the host no longer has is stale, and says what that was") {
  auto there = in_phase(phase::preparation_failed);
  auto& failed = there.last_failure.emplace();
  failed.stage = "verify";
  failed.reason = "stale: made with QEMU 7.2, this host has 8.0";
  CHECK(status_of(settings, &there).is == factory_state::stale);
  CHECK(status_of(settings, &there).why == "stale: made with QEMU 7.2, this host has 8.0");
}

TEST_CASE("an instance that is what the factory's template is made of is a clone of it") {
  const auto on = in_phase(phase::snapshotted);
  auto spec = wanted();
  spec.hostname = "its-own";
  spec.tags = {"a"};
  const auto choice = choose_factory(settings, spec, &on);
  REQUIRE(choice.from);
  CHECK(choice.from->which.uuid == on.id);
  CHECK_FALSE(choice.from->create_args);
  CHECK(choice.note.empty());
}

TEST_CASE("another instance boots; of the factory's image it is said why") {
  const auto on = in_phase(phase::snapshotted);
  auto other_image = wanted();
  other_image.image = "team/app:v2";
  CHECK_FALSE(choose_factory(settings, other_image, &on).from);
  CHECK(choose_factory(settings, other_image, &on).note.empty());

  auto with_arguments = wanted();
  with_arguments.args = {"--verbose"};
  CHECK_FALSE(choose_factory(settings, with_arguments, &on).from);
  CHECK(choose_factory(settings, with_arguments, &on).note ==
        "booted, not cloned from the factory's template: 'args' differs");

  CHECK_FALSE(choose_factory(settings, wanted(), nullptr).from);
  CHECK(choose_factory(settings, wanted(), nullptr).note.find("platen factory init") !=
        std::string::npos);
  auto off = settings;
  off.enabled = false;
  CHECK_FALSE(choose_factory(off, wanted(), &on).from);
  CHECK(choose_factory(off, wanted(), &on).note.empty());
}
