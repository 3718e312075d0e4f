#include <latch>

#include "fixture.hpp"

using namespace platen;
using namespace platen::testing;
using namespace std::chrono_literals;
using gateway::protocol;

namespace {

void say_ok(connection& client) {
  while (receive_request(client))
    client.send(ok("ok"));
}

}  // namespace

TEST_CASE("Without an instance and without hope the answer comes at once") {
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({})});
  auto client = world.connect();
  REQUIRE(client.send(get("/")));
  const auto answer = receive_response(client);
  CHECK(answer.status() == 503);
  CHECK(answer.body == "the service has no running instance\n");
}

TEST_CASE("A request wakes its group and is held until an instance runs") {
  for (const auto speaks : {protocol::http, protocol::tcp}) {
    std::latch woken(1);
    std::atomic<int> calls{0};
    gateway::hooks call;
    call.wake = [&](const std::string& group) {
      CHECK(group == "group");
      if (calls++ == 0) woken.count_down();
    };
    gateway_fixture world({}, call);
    auto route = world.route_to({});
    route.may_come = true;
    world.publish(speaks, {route});
    auto client = world.connect();
    REQUIRE(client.send(get("/")));
    woken.wait();
    world.publish(speaks, {route});
    backend_server server(say_ok);
    world.publish(speaks, {world.route_to({server.port()})});
    CHECK(receive_response(client).body == "ok");
  }
}

TEST_CASE("What is held is bounded in number and time") {
  gateway::limits bounds;
  bounds.held = 1;
  bounds.hold = 300ms;
  std::latch woken(1);
  std::atomic<int> calls{0};
  gateway::hooks call;
  call.wake = [&](const std::string&) {
    if (calls++ == 0) woken.count_down();
  };
  gateway_fixture world(bounds, call);
  auto route = world.route_to({});
  route.may_come = true;
  world.publish(protocol::http, {route});
  auto first = world.connect();
  REQUIRE(first.send(get("/")));
  woken.wait();
  // The first is counted right after its wake.
  auto second = world.connect();
  REQUIRE(second.send(get("/")));
  const auto begun = std::chrono::steady_clock::now();
  CHECK(receive_response(second).status() == 503);
  const auto late = receive_response(first);
  CHECK(late.status() == 503);
  CHECK(late.body == "no instance of the service became ready in time\n");
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE("Requests go where the least is in flight, and to the hard limit only") {
  std::mutex held;
  held.lock();
  const auto slow = [&](connection& client) {
    receive_request(client);
    const std::lock_guard until_told(held);
    client.send(ok("slow"));
  };
  backend_server one(slow);
  backend_server two(slow);
  gateway_fixture world;
  auto route = world.route_to({one.port(), two.port()});
  route.hard_limit = 1;
  world.publish(protocol::http, {route});
  auto first = world.connect();
  auto second = world.connect();
  auto third = world.connect();
  REQUIRE(first.send(get("/")));
  while (world.under_test->loads()[0].in_flight + world.under_test->loads()[1].in_flight < 1)
    std::this_thread::yield();
  REQUIRE(second.send(get("/")));
  while (world.under_test->loads()[0].in_flight + world.under_test->loads()[1].in_flight < 2)
    std::this_thread::yield();
  REQUIRE(third.send(get("/")));
  const auto refused = receive_response(third);
  CHECK(refused.status() == 503);
  CHECK(refused.head.find("Retry-After: 1\r\n") != std::string::npos);
  held.unlock();
  CHECK(receive_response(first).body == "slow");
  CHECK(receive_response(second).body == "slow");
  CHECK(one.connections() == 1);
  CHECK(two.connections() == 1);
}

TEST_CASE("A crowded group is told of, and its instances of their work") {
  std::mutex mutex;
  std::vector<std::string> told;
  gateway::hooks call;
  call.crowded = [&](const std::string& group) {
    const std::lock_guard guard(mutex);
    told.push_back("crowded " + group);
  };
  call.activity = [&](const std::string&, bool busy) {
    const std::lock_guard guard(mutex);
    told.push_back(busy ? "busy" : "idle");
  };
  std::latch both(2);
  backend_server server([&](connection& client) {
    receive_request(client);
    both.arrive_and_wait();
    client.send(ok("ok"));
  });
  {
    gateway_fixture world({}, call);
    world.publish(protocol::http, {world.route_to({server.port()})});
    auto first = world.connect();
    auto second = world.connect();
    REQUIRE(first.send(get("/")));
    REQUIRE(second.send(get("/")));
    CHECK(receive_response(first).body == "ok");
    CHECK(receive_response(second).body == "ok");
    CHECK(world.under_test->loads()[0].taken == 2);
    world.under_test->stop();
  }
  CHECK(told == std::vector<std::string>{"busy", "crowded group", "idle"});
}

TEST_CASE("A draining instance finishes what it has and gets nothing new") {
  std::latch asked(1);
  std::mutex held;
  held.lock();
  backend_server old([&](connection& client) {
    receive_request(client);
    asked.count_down();
    const std::lock_guard until_told(held);
    client.send(ok("old"));
  });
  backend_server fresh(say_ok);
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({old.port()})});
  auto first = world.connect();
  REQUIRE(first.send(get("/")));
  asked.wait();
  auto route = world.route_to({old.port(), fresh.port()});
  route.backends[0].draining = true;
  world.publish(protocol::http, {route});
  auto second = world.connect();
  for (int i = 0; i < 4; ++i) {
    REQUIRE(second.send(get("/")));
    CHECK(receive_response(second).body == "ok");
  }
  held.unlock();
  CHECK(receive_response(first).body == "old");
}

TEST_CASE("No request is lost while instances are replaced under load") {
  gateway_fixture world;
  auto current = std::make_unique<backend_server>(say_ok);
  auto route = world.route_to({current->port()});
  route.may_come = true;
  world.publish(protocol::http, {route});
  std::atomic<bool> over{false};
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i)
    clients.emplace_back([&] {
      while (!over) {
        auto client = world.connect();
        for (int n = 0; n < 20 && !over; ++n) {
          if (!client.send(get("/")) || receive_response(client).body != "ok") {
            ++bad;
            break;
          }
          ++good;
        }
      }
    });
  for (int generation = 0; generation < 20; ++generation) {
    const auto so_far = good.load();
    while (good < so_far + 50)
      std::this_thread::yield();
    auto next = std::make_unique<backend_server>(say_ok);
    auto both = world.route_to({current->port(), next->port()});
    both.backends[0].draining = true;
    both.may_come = true;
    world.publish(protocol::http, {both});
    auto only = world.route_to({next->port()});
    only.may_come = true;
    world.publish(protocol::http, {only});
    current = std::move(next);
  }
  over = true;
  for (auto& one : clients)
    one.join();
  CHECK(bad == 0);
}
