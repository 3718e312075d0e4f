// The rules of service groups: pure, no actor.
#include <catch2/catch.hpp>

#include "actors/replay.hpp"
#include "actors/service/decide.hpp"
#include "actors/state_changes.hpp"
#include "actors/state_codec.hpp"
#include "tests/actors/entity_walk.hpp"

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::service_group;

namespace {

events::service service(std::uint16_t port, std::uint16_t destination,
                        std::vector<std::string> handlers) {
  events::service made;
  made.port = port;
  made.destination_port = destination;
  made.handlers = std::move(handlers);
  return made;
}

request make(bool persistent, std::string first_instance = "", std::uint64_t autokill_ms = 0) {
  request made;
  made.what.name = "web";
  made.what.persistent = persistent;
  made.what.services = {service(443, 8080, {"tls", "http"}), service(8443, 8080, {"tls"})};
  made.what.soft_limit = 1;
  made.what.hard_limit = 2;
  made.what.autokill_ms = autokill_ms;
  made.first_instance = std::move(first_instance);
  return made;
}

// Carries out commands, a second apart.
class group {
 public:
  rejection::kind refused(const command& what) const {
    const auto decided = decide(now, what);
    REQUIRE_FALSE(decided);
    return decided.error().what;
  }
  std::vector<std::string> tell(const command& what) {
    const auto decided = decide(now, what);
    REQUIRE(decided);
    std::vector<std::string> types;
    time_us += 1'000'000;
    for (const auto& event : *decided)
      types.emplace_back(events::type_name(event));
    now = tests::after(std::move(now), *decided, time_us);
    return types;
  }
  state now;
  std::int64_t time_us = 0;
};

using names = std::vector<std::string>;

}  // namespace

TEST_CASE("a group made with an instance goes with its last one") {
  group one;
  CHECK(one.tell(make(false, "a")) == names{"ServiceGroupRequested", "ServiceGroupJoined"});
  CHECK(one.tell(join{"b"}) == names{"ServiceGroupJoined"});
  CHECK(one.tell(join{"b"}).empty());
  CHECK(one.tell(leave{"a"}) == names{"ServiceGroupLeft"});
  CHECK(one.tell(leave{"b"}) == names{"ServiceGroupLeft", "ServiceGroupDeleted"});
  CHECK(one.now.deletion_reason == "empty");
  CHECK(one.refused(join{"c"}) == rejection::kind::not_found);
}

TEST_CASE("a persistent group stays, and is deleted only without instances") {
  group one;
  one.tell(make(true));
  one.tell(join{"a"});
  CHECK(one.refused(service_group::remove{}) == rejection::kind::attached);
  CHECK(one.tell(leave{"a"}) == names{"ServiceGroupLeft"});
  CHECK(one.tell(service_group::remove{}) == names{"ServiceGroupDeleted"});
}

TEST_CASE("autokill counts from when the group became empty") {
  group one;
  one.tell(make(true, "", 5000));
  const auto created_us = one.time_us;
  CHECK(wanted(one.now).expires_at_us == created_us + 5'000'000);
  CHECK(one.tell(expire{created_us + 4'999'999}).empty());
  one.tell(join{"a"});
  CHECK_FALSE(wanted(one.now).expires_at_us);
  CHECK(one.tell(expire{created_us + 50'000'000}).empty());
  one.tell(leave{"a"});
  const auto left_us = one.time_us;
  CHECK(wanted(one.now).expires_at_us == left_us + 5'000'000);
  CHECK(one.tell(expire{left_us + 5'000'000}) == names{"ServiceGroupDeleted"});
  CHECK(one.now.deletion_reason == "autokill");
  CHECK_FALSE(wanted(one.now).expires_at_us);
}

TEST_CASE("a change is the whole of what can be changed, and none is nothing") {
  group one;
  one.tell(make(true));
  auto next = one.now.how;
  CHECK(one.tell(change{next}).empty());
  next.soft_limit = 3;
  CHECK(one.refused(change{next}) == rejection::kind::invalid);
  next.hard_limit = 3;
  CHECK(one.tell(change{next}) == names{"ServiceGroupChanged"});
  CHECK(one.now.how == next);
  next.services.clear();
  CHECK(one.refused(change{next}) == rejection::kind::invalid);
}

TEST_CASE("handlers are what their port must have") {
  const auto fault = [](std::uint16_t port, std::uint16_t destination,
                        std::vector<std::string> handlers) {
    return fault_of(service(port, destination, std::move(handlers))).value_or("");
  };
  CHECK(fault(443, 8080, {"tls", "http"}).empty());
  CHECK(fault(80, 8080, {"http"}).empty());
  CHECK(fault(80, 443, {"http", "redirect"}).empty());
  CHECK(fault(5432, 5432, {}).empty());
  CHECK(fault(5432, 5432, {"tls"}).empty());
  CHECK_FALSE(fault(443, 8080, {"tls"}).empty());
  CHECK_FALSE(fault(443, 8080, {}).empty());
  CHECK_FALSE(fault(80, 8080, {"tls", "http"}).empty());
  CHECK_FALSE(fault(80, 443, {"redirect"}).empty());
  CHECK_FALSE(fault(80, 8443, {"http", "redirect"}).empty());
  CHECK_FALSE(fault(8080, 8080, {"http"}).empty());
  CHECK_FALSE(fault(8080, 443, {"redirect"}).empty());
  CHECK_FALSE(fault(8080, 8080, {"gzip"}).empty());
  for (const std::uint16_t port : {80, 443, 1})
    CHECK_FALSE(fault_of(service(port, 1, usual_handlers(port))));
}

TEST_CASE("edits set, add and delete") {
  settings now;
  now.services = {service(443, 1, {}), service(80, 2, {})};
  edit change;
  change.how = edit::operation::add;
  change.value.services = {service(443, 9, {}), service(22, 3, {})};
  const auto added = apply(now, change);
  REQUIRE(added.services.size() == 3);
  CHECK(added.services[1].destination_port == 9);
  change.how = edit::operation::del;
  change.ports = {443};
  CHECK(apply(added, change).services.size() == 2);
  change.ports.clear();
  CHECK(apply(added, change).services.empty());
  change.what = edit::property::hard_limit;
  CHECK(apply(added, change).hard_limit == 65535);
}

TEST_CASE("domains are completed, and only names are domains") {
  CHECK(full_domain("Example", "localhost") == "example.localhost");
  CHECK(full_domain("Example.com.", "localhost") == "example.com");
  CHECK(is_domain("a-b.example.com"));
  CHECK(is_domain("*.example.com"));
  for (const std::string wrong : {"", "*", "a..b", "-a.b", "a_b.c", ".a", "a.", "a.*.b", "ä.b"})
    CHECK_FALSE(is_domain(wrong));
  CHECK_FALSE(is_domain(std::string(64, 'a')));
}

TEST_CASE("a group's state comes back from its bytes with every field") {
  state value;
  value.id = "s";
  value.version = 3;
  value.name = "web";
  value.persistent = true;
  value.how.services = {service(443, 8080, {"tls", "http"})};
  events::domain domain;
  domain.name = "a.b";
  domain.certificate = "c";
  value.how.domains = {domain};
  value.how.soft_limit = 4;
  value.how.hard_limit = 5;
  value.how.autokill_ms = 6;
  value.phase = lifecycle::deleted;
  value.created_us = 7;
  value.instances = {"x", "y"};
  value.empty_since_us = 8;
  value.deletion_reason = "empty";
  events::scale_step step;
  step.has_upper = true;
  step.upper = 9;
  step.adjustment = -1;
  events::scale_policy policy;
  policy.name = "p";
  policy.kind = "step";
  policy.steps = {step};
  value.scaling.emplace();
  value.scaling->max_size = 10;
  value.scaling->template_name = "t";
  value.scaling->policies = {policy};
  value.scaled = {"x"};
  value.leaving = {"y"};
  value.scaled_out_us = 11;
  value.scaled_in_us = 12;
  value.scale_failures = 13;
  value.scale_failed_us = 14;
  CHECK(decode_service_group(encode_state(value)) == value);
  CHECK(changes(state{}, value).size() > 10);
}

TEST_CASE("whatever commands come, replay gives the same state and rules hold") {
  const std::vector<command> commands{
      make(false, "a"),        make(true, "", 1000), join{"a"}, join{"b"}, leave{"a"}, leave{"b"},
      service_group::remove{}, expire{1'000'000'000}};
  tests::walk<state, command> everything(commands, [](const auto& step) {
    if (step.after.phase == lifecycle::active && !step.after.persistent)
      CHECK_FALSE(step.after.instances.empty());
    CHECK(step.after.instances.empty() ==
          (step.after.empty_since_us != 0 || step.after.phase == lifecycle::none));
    if (step.before.phase == lifecycle::deleted) CHECK(step.after.phase == lifecycle::deleted);
  });
  state start;
  start.id = "s";
  everything.from(start, 5);
  CHECK(everything.steps() > 200);
}
