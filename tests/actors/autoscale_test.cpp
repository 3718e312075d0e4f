// How a service group scales itself: pure, no actor.
#include <catch2/catch.hpp>
#include <map>

#include "actors/service/decide.hpp"
#include "tests/actors/entity_walk.hpp"

using namespace platen;
using namespace platen::actors;
using namespace platen::actors::service_group;

namespace {

events::scale_policy policy(const std::string& kind) {
  events::scale_policy made;
  made.name = kind;
  made.kind = kind;
  made.enabled = true;
  return made;
}

events::scale_policy idle(std::uint64_t idle_ms) {
  auto made = policy("idle");
  made.idle_ms = idle_ms;
  return made;
}

events::scale_step step_from(std::uint64_t lower, std::optional<std::uint64_t> upper,
                             std::int32_t adjustment) {
  events::scale_step made;
  made.has_lower = true;
  made.lower = lower;
  made.has_upper = upper.has_value();
  made.upper = upper.value_or(0);
  made.adjustment = adjustment;
  return made;
}

events::scale_policy steps(const std::string& adjustment_type,
                           std::vector<events::scale_step> all) {
  auto made = policy("step");
  made.metric = "inflight_reqs";
  made.adjustment_type = adjustment_type;
  made.steps = std::move(all);
  return made;
}

autoscale sizes(std::uint32_t least, std::uint32_t most,
                std::vector<events::scale_policy> policies) {
  autoscale made;
  made.min_size = least;
  made.max_size = most;
  made.template_name = "web";
  made.policies = std::move(policies);
  return made;
}

request make_group(bool persistent = true) {
  request made;
  made.what.name = "web";
  made.what.persistent = persistent;
  events::service https;
  https.port = 443;
  https.destination_port = 8080;
  https.handlers = {"tls", "http"};
  made.what.services = {https};
  made.what.soft_limit = 1;
  made.what.hard_limit = 2;
  return made;
}

state after(state now, const command& what, std::int64_t time_us = 0) {
  const auto decided = decide(now, what);
  REQUIRE(decided);
  return tests::after(std::move(now), *decided, time_us);
}

// A group, its traffic, and whoever carries out what it decides.
class scaled_group {
 public:
  explicit scaled_group(autoscale how) {
    tell(make_group());
    tell(configure_autoscale{std::move(how)});
  }

  std::vector<events::event> tell(const command& what) {
    const auto decided = decide(now, what);
    now = after(now, what, time_us);
    return *decided;
  }

  // Shows the traffic; what is to be made joins at once and is ready.
  void look(bool demand = false) {
    load seen;
    seen.demand = demand;
    for (const auto& id : now.instances)
      seen.members.push_back(
          {id, !coming.contains(id), failed.contains(id), in_flight[id], idle_ms[id]});
    std::vector<std::string> ids;
    for (int i = 0; i < 16; ++i)
      ids.push_back("new" + std::to_string(++made_));
    told = tell(scale{seen, ids, time_us});
    for (const auto& id : to_be_made(now))
      tell(join{id});
  }
  void end_what_leaves() {
    for (const auto& id : to_be_ended(now))
      tell(leave{id});
  }

  std::size_t size() const { return now.instances.size() - now.leaving.size(); }

  state now;
  std::int64_t time_us = 1'000'000;
  std::set<std::string> coming;
  std::set<std::string> failed;
  std::map<std::string, std::uint32_t> in_flight;
  std::map<std::string, std::uint64_t> idle_ms;
  std::vector<events::event> told;

 private:
  int made_ = 0;
};

}  // namespace

TEST_CASE("a group with autoscale has at least as many instances as it is to have") {
  scaled_group group(sizes(2, 4, {}));
  group.look();
  CHECK(group.size() == 2);
  group.look();
  CHECK(group.told.empty());
  group.tell(leave{*group.now.instances.begin()});
  group.look();
  CHECK(group.size() == 2);
}

TEST_CASE("a request that finds no instance makes one, and those that come meanwhile do not") {
  scaled_group group(sizes(0, 2, {policy("on_demand")}));
  group.look();
  CHECK(group.size() == 0);
  group.look(true);
  CHECK(group.size() == 1);
  group.coming = group.now.instances;
  group.look(true);
  CHECK(group.size() == 1);
  group.coming.clear();
  group.look(true);
  CHECK(group.size() == 2);
  group.look(true);
  CHECK(group.size() == 2);
}

TEST_CASE("a policy that is disabled does nothing") {
  auto disabled = policy("on_demand");
  disabled.enabled = false;
  scaled_group group(sizes(0, 2, {disabled}));
  group.look(true);
  CHECK(group.size() == 0);
}

TEST_CASE("an instance that was idle for long is ended, but never below the least size") {
  scaled_group group(sizes(1, 4, {idle(5000), steps("exact", {step_from(1, std::nullopt, 3)})}));
  group.look();
  group.in_flight[*group.now.instances.begin()] = 1;
  group.look();
  REQUIRE(group.size() == 3);
  group.in_flight.clear();
  for (const auto& id : group.now.instances)
    group.idle_ms[id] = 4999;
  group.look();
  CHECK(group.told.empty());
  for (const auto& id : group.now.instances)
    group.idle_ms[id] = 5000;
  group.look();
  CHECK(group.size() == 1);
  CHECK(to_be_ended(group.now).size() == 2);
  group.end_what_leaves();
  CHECK(to_be_ended(group.now).empty());
  CHECK(group.now.scaled.size() == 1);
}

TEST_CASE("steps change the size by the metric of one instance on average") {
  SECTION("change") {
    scaled_group group(sizes(1, 5,
                             {steps("change", {step_from(0, 2, -1), step_from(2, 10, 0),
                                               step_from(10, std::nullopt, 2)})}));
    group.look();
    group.in_flight[*group.now.instances.begin()] = 10;
    group.look();
    CHECK(group.size() == 3);
    group.look();  // 10 over 3 instances: 4
    CHECK(group.size() == 3);
    group.in_flight.clear();
    group.look();
    CHECK(group.size() == 2);
  }
  SECTION("percent, of at least one") {
    scaled_group group(sizes(1, 5, {steps("percent", {step_from(1, std::nullopt, 50)})}));
    group.look();
    group.in_flight[*group.now.instances.begin()] = 9;
    group.look();
    CHECK(group.size() == 2);
    group.look();
    CHECK(group.size() == 3);
  }
  SECTION("never above the largest size") {
    scaled_group group(sizes(1, 3, {steps("exact", {step_from(0, std::nullopt, 100)})}));
    group.look();
    group.look();
    CHECK(group.size() == 3);
  }
}

TEST_CASE("after a change of the size steps rest for the warm-up or the cool-down") {
  auto how = sizes(1, 9, {steps("change", {step_from(0, 1, -1), step_from(1, std::nullopt, 1)})});
  how.warmup_ms = 1000;
  how.cooldown_ms = 3000;
  scaled_group group(how);
  group.look();
  group.in_flight[*group.now.instances.begin()] = 100;
  group.time_us += 999'000;
  group.look();
  CHECK(group.size() == 1);
  group.time_us += 1'000;
  group.look();
  CHECK(group.size() == 2);
  group.in_flight.clear();
  group.time_us += 1'000'000;
  group.look();
  CHECK(group.size() == 1);
}

TEST_CASE("an instance that failed is replaced, and the next failure waits longer") {
  scaled_group group(sizes(1, 1, {}));
  group.look();
  const auto fail = [&] {
    group.failed = group.now.instances;
    group.look();
    group.end_what_leaves();
    group.failed.clear();
  };
  const auto comes_after = [&](std::uint64_t pause_ms) {
    group.time_us += static_cast<std::int64_t>(pause_ms) * 1000 - 1;
    group.look();
    const bool early = group.size() == 1;
    group.time_us += 1;
    group.look();
    return !early && group.size() == 1;
  };
  fail();
  CHECK(comes_after(1000));
  fail();
  CHECK(comes_after(2000));
  group.time_us += failure_row_us;
  fail();
  CHECK(comes_after(1000));
  CHECK(scaling_backoff_ms(40) == 300'000);
}

TEST_CASE("an instance that could not be made is not waited for") {
  scaled_group group(sizes(1, 1, {}));
  group.tell(scale{{}, {"x"}, group.time_us});
  CHECK(to_be_made(group.now) == std::set<std::string>{"x"});
  CHECK(group.tell(scale_failed{"x", "no such template"}).size() == 2);
  CHECK(to_be_made(group.now).empty());
  CHECK(group.now.scaled.empty());
  CHECK(group.now.leaving.empty());
  CHECK(group.now.scale_failures == 1);
  CHECK(group.tell(scale_failed{"x", "again"}).empty());
}

TEST_CASE("without autoscale its instances are ended, those of clients stay") {
  scaled_group group(sizes(2, 2, {}));
  group.tell(join{"of a client"});
  group.look();
  REQUIRE(group.now.instances.size() == 3);
  CHECK_FALSE(decide(group.now, service_group::remove{}));
  group.tell(remove_autoscale{});
  CHECK(to_be_ended(group.now).size() == 2);
  group.end_what_leaves();
  CHECK(group.now.instances == std::set<std::string>{"of a client"});
  CHECK_FALSE(decide(group.now, remove_autoscale{}));
}

TEST_CASE("an instance that was decided on and never made leaves with autoscale") {
  scaled_group group(sizes(1, 1, {}));
  group.tell(scale{{}, {"x"}, group.time_us});
  group.tell(remove_autoscale{});
  CHECK(to_be_made(group.now).empty());
  CHECK(to_be_ended(group.now) == std::set<std::string>{"x"});
  group.tell(scale_failed{"x", "it is gone"});
  CHECK(to_be_ended(group.now).empty());
}

TEST_CASE("what is wrong with autoscale is said by its member") {
  const auto fault = [](const autoscale& how) { return fault_of(how).value_or(""); };
  CHECK(fault(sizes(0, 0, {})).starts_with("max_size"));
  CHECK(fault(sizes(0, autoscale_size_limit + 1, {})).starts_with("max_size"));
  CHECK(fault(sizes(3, 2, {})).starts_with("min_size"));
  CHECK(fault(sizes(0, 1, {policy("on_demand"), policy("on_demand")})).find("twice") !=
        std::string::npos);
  CHECK(fault(sizes(0, 1, {policy("other")})).find("type") != std::string::npos);
  CHECK(fault(sizes(0, 1, {idle(0)})).find("idle_time_ms") != std::string::npos);
  CHECK(fault(sizes(0, 1, {steps("change", {})})).find("steps") != std::string::npos);
  CHECK(fault(sizes(0, 1, {steps("by", {step_from(0, 1, 1)})})).find("adjustment_type") !=
        std::string::npos);
  CHECK(
      fault(sizes(0, 1, {steps("change", {step_from(0, 1, 1), step_from(2, 3, 1)})})).find("gap") !=
      std::string::npos);
  CHECK(fault(sizes(0, 1, {steps("change", {step_from(0, std::nullopt, 1), step_from(2, 3, 1)})}))
            .find("upper_bound") != std::string::npos);
  CHECK(fault(sizes(0, 1, {steps("change", {step_from(2, 2, 1)})})).find("below") !=
        std::string::npos);
  CHECK(fault(sizes(0, 1, {steps("change", {step_from(0, 5, 1), step_from(5, std::nullopt, 2)})}))
            .empty());
}

TEST_CASE("a group that goes with its instance has no autoscale") {
  const auto now = after(state{}, make_group(false));
  CHECK_FALSE(decide(now, configure_autoscale{sizes(0, 1, {})}));
}

TEST_CASE("whatever comes, no more instances are made than allowed and none is forgotten") {
  const auto seen = [](std::vector<member_load> members, bool demand) {
    return scale{{std::move(members), 0, demand}, {"a", "b", "c"}, 5'000'000};
  };
  const std::vector<command> commands{
      configure_autoscale{sizes(1, 2, {policy("on_demand"), idle(10)})},
      remove_autoscale{},
      seen({}, true),
      seen({{"a", true, false, 0, 10}, {"b", true, false, 0, 10}}, false),
      seen({{"a", false, true, 0, 0}}, false),
      scale_failed{"a", "no"},
      join{"a"},
      join{"b"},
      leave{"a"},
      service_group::remove{}};
  tests::walk<state, command> everything(commands, [](const auto& step) {
    const auto& now = step.after;
    for (const auto& id : now.leaving)
      CHECK(now.scaled.contains(id));
    const auto made = now.scaled.size() - now.leaving.size();
    if (now.scaling && step.before.scaling) CHECK(made <= now.scaling->max_size);
    if (now.phase == lifecycle::active && !now.scaling) CHECK(made == 0);
  });
  everything.from(after(state{}, make_group()), 5);
  CHECK(everything.steps() > 1000);
}
