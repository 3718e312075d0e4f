// Who is to be woken, to sleep, or to go. Time is the test's own.
#include "http/gateway/traffic_watch.hpp"

#include <atomic>
#include <thread>

#include "fixture.hpp"

using namespace platen;
using namespace platen::testing;
using namespace std::chrono_literals;
using gateway::load;
using gateway::sleep_rule;
using gateway::traffic_watch;
using gateway::watch_rule;
using clock_type = traffic_watch::clock;

namespace {

struct watched {
  watched() { hooks = watch->make_hooks(); }

  void keep(const std::string& id, watch_rule rule) {
    rules[id] = rule;
    watch->keep(rules, {"sleepy group"}, now);
  }
  std::vector<std::string> idle_at(clock_type::time_point when) {
    return watch->look(when, [this] { return loads; }).idle;
  }

  std::shared_ptr<traffic_watch> watch = std::make_shared<traffic_watch>();
  gateway::hooks hooks;
  std::map<std::string, watch_rule> rules;
  std::vector<load> loads;
  const clock_type::time_point now = clock_type::now();
};

watch_rule sleeps(std::chrono::milliseconds cooldown, bool ignores_silent = false) {
  return {sleep_rule{cooldown, ignores_silent, {}, {}}, 0};
}

using ids = std::vector<std::string>;

}  // namespace

TEST_CASE("An instance is idle when its cooldown has passed since it was first watched") {
  watched w;
  w.keep("one", sleeps(1000ms));
  w.keep("two", sleeps(10s));
  w.keep("hasty", sleeps(1ms));
  CHECK(w.idle_at(w.now + 249ms).empty());
  CHECK(w.idle_at(w.now + 250ms) == ids{"hasty"});
  CHECK(w.idle_at(w.now + 999ms).empty());
  CHECK(w.idle_at(w.now + 1000ms) == ids{"one"});
  // It is said once; who asked may begin its time anew.
  CHECK(w.idle_at(w.now + 2000ms).empty());
  w.watch->restart("one", w.now + 2000ms);
  CHECK(w.idle_at(w.now + 2999ms).empty());
  CHECK(w.idle_at(w.now + 3000ms) == ids{"one"});
}

TEST_CASE("Nobody sleeps with a request in flight, and the time begins anew when it has ended") {
  watched w;
  w.keep("one", sleeps(50ms));
  w.loads = {{"one", 1, 1, 0, {}}};
  CHECK(w.idle_at(w.now + 1s).empty());
  w.loads = {{"one", 0, 1, 0, {}}};
  // Not before it was told that the request has ended.
  CHECK(w.idle_at(w.now + 2s).empty());
  w.hooks.activity("one", false);
  CHECK(w.idle_at(clock_type::now() + 60ms) == ids{"one"});
  CHECK(w.watch->is_idle("one", clock_type::now() + 60ms, [&] { return w.loads; }));
  w.loads = {{"one", 1, 2, 0, {}}};
  CHECK_FALSE(w.watch->is_idle("one", clock_type::now() + 60ms, [&] { return w.loads; }));
}

TEST_CASE("Silent connections that are passed through keep an instance awake only with policy on") {
  watched w;
  w.keep("on", sleeps(300ms));
  w.keep("idle", sleeps(300ms, true));
  w.keep("asked", sleeps(300ms, true));
  w.loads = {{"on", 1, 1, 1, w.now}, {"idle", 1, 1, 1, w.now}, {"asked", 2, 2, 1, w.now}};
  CHECK(w.idle_at(w.now + 300ms) == ids{"idle"});
  w.watch->restart("idle", w.now + 300ms);
  w.loads[1].last_byte = w.now + 400ms;
  // The one that was asked is looked at again then.
  CHECK(w.idle_at(w.now + 600ms).empty());
  CHECK(w.idle_at(w.now + 700ms) == ids{"idle"});
  // The request of the third has ended, its connection is silent.
  w.loads[2] = {"asked", 1, 2, 1, w.now};
  CHECK(w.idle_at(w.now + 1000ms) == ids{"asked"});
}

TEST_CASE("One that could not sleep is left alone for a while") {
  watched w;
  auto rule = sleeps(10ms);
  rule.sleeps->not_before = w.now + 60s;
  w.keep("one", rule);
  CHECK(w.idle_at(w.now + 59s).empty());
  CHECK(w.idle_at(w.now + 60s) == ids{"one"});
}

TEST_CASE("A sleep is announced before it comes, and called off when somebody needs it after all") {
  watched w;
  auto rule = sleeps(1000ms);
  rule.sleeps->notice = 400ms;
  w.keep("one", rule);
  const auto look = [&](clock_type::duration after) {
    return w.watch->look(w.now + after, [&] { return w.loads; });
  };
  CHECK(look(599ms).soon_asleep.empty());
  CHECK(look(600ms).soon_asleep == ids{"one"});
  const auto announced = look(999ms);
  CHECK((announced.soon_asleep.empty() && announced.idle.empty()));
  CHECK(look(1000ms).idle == ids{"one"});
  // It was asked to sleep and did not: then its guest hears that it goes on, and all begins anew.
  w.watch->restart("one", w.now + 1000ms);
  CHECK(w.watch->wait(w.now).called_off == ids{"one"});
  CHECK(look(1599ms).soon_asleep.empty());
  CHECK(look(1600ms).soon_asleep == ids{"one"});
  w.hooks.activity("one", true);
  w.hooks.activity("one", false);
  CHECK(w.watch->wait(w.now).called_off == ids{"one"});
  // Nobody was told anything meanwhile.
  w.hooks.activity("one", true);
  w.watch->notify();
  CHECK(w.watch->wait(w.now).called_off.empty());
}

TEST_CASE("A guest that was told late has all of its time before it sleeps") {
  watched w;
  auto rule = sleeps(1000ms);
  rule.sleeps->notice = 400ms;
  w.keep("one", rule);
  const auto look = [&](clock_type::duration after) {
    return w.watch->look(w.now + after, [&] { return w.loads; });
  };
  const auto late = look(5s);
  CHECK(late.soon_asleep == ids{"one"});
  CHECK(late.idle.empty());
  CHECK(look(5399ms).idle.empty());
  CHECK(look(5400ms).idle == ids{"one"});
}

TEST_CASE("A silent connection that speaks again calls an announced sleep off") {
  watched w;
  auto rule = sleeps(1000ms, true);
  rule.sleeps->notice = 400ms;
  w.keep("one", rule);
  w.loads = {{"one", 1, 1, 1, w.now}};
  const auto look = [&](clock_type::duration after) {
    return w.watch->look(w.now + after, [&] { return w.loads; });
  };
  CHECK(look(600ms).soon_asleep == ids{"one"});
  w.loads[0].last_byte = w.now + 700ms;
  CHECK(look(1000ms).idle.empty());
  CHECK(w.watch->wait(w.now).called_off == ids{"one"});
  CHECK(look(1300ms).soon_asleep == ids{"one"});
  CHECK(look(1700ms).idle == ids{"one"});
}

TEST_CASE("Who has served what it was to serve is told when nothing is in flight") {
  watched w;
  w.keep("one", {std::nullopt, 3, false});
  const auto used_up = [&] { return w.watch->used_up([&] { return w.loads; }); };
  w.loads = {{"one", 0, 2, 0, {}}, {"other", 0, 99, 0, {}}};
  CHECK(used_up().empty());
  w.loads[0] = {"one", 1, 3, 0, {}};
  CHECK(used_up().empty());
  w.loads[0] = {"one", 0, 3, 0, {}};
  CHECK(used_up() == std::vector<std::pair<std::string, std::uint64_t>>{{"one", 3}});
}

TEST_CASE("Only groups in which somebody sleeps are woken, and the feed's thread hears of it") {
  watched w;
  w.keep("one", sleeps(10s));
  w.hooks.wake("group without sleepers");
  w.hooks.crowded("sleepy group");
  auto work = w.watch->wait(std::nullopt);
  CHECK(work.wanted_groups == std::map<std::string, bool>{{"sleepy group", true}});
  w.hooks.crowded("sleepy group");
  w.hooks.wake("sleepy group");
  work = w.watch->wait(std::nullopt);
  CHECK(work.wanted_groups == std::map<std::string, bool>{{"sleepy group", false}});
  std::jthread teller([&] { w.watch->end(); });
  CHECK(w.watch->wait(std::nullopt).ending);
}

TEST_CASE("A backend gets no more requests than it is to have") {
  backend_server server([](connection& client) {
    while (receive_request(client))
      client.send(ok("ok"));
  });
  gateway_fixture world;
  auto route = world.route_to({server.port()});
  route.backends[0].most_requests = 2;
  world.publish(gateway::protocol::http, {route});
  const auto ask = [&] {
    auto client = world.connect();
    REQUIRE(client.send(get("/")));
    return receive_response(client).status();
  };
  CHECK(ask() == 200);
  CHECK(ask() == 200);
  CHECK(ask() == 503);
  CHECK(world.under_test->loads().at(0).taken == 2);
}

TEST_CASE("What a backend has taken before counts, and each step of its count is told") {
  backend_server server([](connection& client) {
    while (receive_request(client))
      client.send(ok("ok"));
  });
  std::atomic<int> steps{0};
  gateway::hooks hooks;
  hooks.counted = [&](const std::string&) { ++steps; };
  gateway_fixture world({}, hooks);
  auto route = world.route_to({server.port()});
  route.backends[0].most_requests = 9;
  route.backends[0].taken_before = 5;
  route.backends[0].count_step = 2;
  world.publish(gateway::protocol::http, {route});
  const auto ask = [&] {
    auto client = world.connect();
    REQUIRE(client.send(get("/")));
    return receive_response(client).status();
  };
  for (int i = 0; i < 4; ++i)
    CHECK(ask() == 200);
  CHECK(ask() == 503);
  CHECK(world.under_test->loads().at(0).taken == 9);
  // At 6 and at 8.
  CHECK(steps == 2);
}

TEST_CASE("Connections that are passed through are told apart, with their last byte") {
  backend_server server([](connection& client) {
    while (receive_request(client))
      client.send(ok("ok"));
  });
  gateway_fixture world;
  world.publish(gateway::protocol::tcp, {world.route_to({server.port()})});
  const auto before = clock_type::now();
  auto client = world.connect();
  REQUIRE(client.send(get("/")));
  CHECK(receive_response(client).status() == 200);
  const auto all = world.under_test->loads();
  REQUIRE(all.size() == 1);
  CHECK(all[0].passed_through == 1);
  CHECK(all[0].in_flight == 1);
  CHECK(all[0].last_byte >= before);
}
