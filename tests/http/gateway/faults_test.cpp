#include <future>
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

void vanish(connection& client) {
  receive_request(client);
  client.abort();
}

struct world_with : gateway_fixture {
  explicit world_with(backend_server::behaviour serve, gateway::limits bounds = {})
      : gateway_fixture(bounds), server(std::move(serve)) {
    publish(protocol::http, {route_to({server.port()})});
  }
  backend_server server;
};

const std::string post = "POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 2\r\n\r\nhi";

}  // namespace

TEST_CASE("A smuggled request is refused and its connection ends") {
  world_with world(echo_requests);
  auto client = world.connect();
  REQUIRE(
      client.send("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 4\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                  get("/smuggled")));
  const auto answer = client.receive_all();
  CHECK(answer.starts_with("HTTP/1.1 400 "));
  CHECK(answer.find("HTTP/1.1", 1) == std::string::npos);
  CHECK(world.server.connections() == 0);
}

TEST_CASE("A chunked body that is malformed never ends at the backend") {
  std::promise<std::string> seen;
  world_with world([&](connection& client) { seen.set_value(client.receive_all()); });
  auto client = world.connect();
  REQUIRE(
      client.send("POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\nhello\r\nzz\r\n"));
  client.finish_sending();
  client.receive_all();
  CHECK(seen.get_future().get().find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("A safe request is sent to another instance when the first one vanishes") {
  backend_server bad(vanish);
  backend_server good(say_ok);
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({bad.port(), good.port()})});
  for (int i = 0; i < 6; ++i) {
    auto client = world.connect();
    REQUIRE(client.send(get("/")));
    CHECK(receive_response(client).body == "ok");
  }
  CHECK(bad.connections() > 0);
}

TEST_CASE("A request that may not be repeated is sent once") {
  std::atomic<int> asked{0};
  backend_server bad([&](connection& client) {
    ++asked;
    vanish(client);
  });
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({bad.port(), bad.port()})});
  auto client = world.connect();
  REQUIRE(client.send(post));
  CHECK(receive_response(client).status() == 502);
  CHECK(asked == 1);
}

TEST_CASE("An instance that refuses connections is passed over, whatever the request") {
  backend_server good(say_ok);
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({free_port("127.0.0.1"), good.port()})});
  for (int i = 0; i < 4; ++i) {
    auto client = world.connect();
    REQUIRE(client.send(post));
    CHECK(receive_response(client).body == "ok");
  }
}

TEST_CASE("A kept backend connection that ended meanwhile costs nobody anything") {
  world_with world([](connection& client) {
    receive_request(client);
    client.send(ok("ok"));
  });
  auto client = world.connect();
  for (int i = 0; i < 10; ++i) {
    REQUIRE(client.send(i % 2 == 0 ? get("/") : post));
    CHECK(receive_response(client).body == "ok");
  }
  CHECK(world.server.connections() == 10);
}

TEST_CASE("A request to an instance that is just gone waits for the table to say so") {
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({free_port("127.0.0.1")})});
  auto client = world.connect();
  REQUIRE(client.send(get("/")));
  // However the two meet: before the request is tried, or while it waits.
  backend_server next(say_ok);
  world.publish(protocol::http, {world.route_to({next.port()})});
  CHECK(receive_response(client).body == "ok");
}

TEST_CASE("A response that breaks off does not look complete") {
  for (const std::string head :
       {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"}) {
    world_with world([&](connection& client) {
      receive_request(client);
      client.send(head);
    });
    auto client = world.connect();
    REQUIRE(client.send(get("/")));
    const auto answer = client.receive_all();
    CHECK(answer.find("\r\n0\r\n") == std::string::npos);
    CHECK(answer.find("0123456789") == std::string::npos);
  }
}

TEST_CASE("Answers that are no HTTP, or none, become 502") {
  for (const std::string answer : {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nbro",
                                   "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                                   "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
    world_with world([&](connection& client) {
      receive_request(client);
      client.send(answer);
    });
    auto client = world.connect();
    REQUIRE(client.send(get("/")));
    CHECK(receive_response(client).status() == 502);
  }
}

TEST_CASE("Slow clients and slow instances are given up") {
  gateway::limits bounds;
  bounds.head = 200ms;
  bounds.idle = 200ms;
  bounds.stall = 200ms;
  bounds.silence = 300ms;
  bounds.handshake = 200ms;
  world_with world([](connection& client) { client.receive_all(); }, bounds);

  auto idle = world.connect();
  CHECK(idle.receive_all().empty());

  auto slow_head = world.connect();
  REQUIRE(slow_head.send("GET / HTTP/1.1\r\nHost: demo"));
  CHECK(slow_head.receive_all().starts_with("HTTP/1.1 408 "));

  auto slow_body = world.connect();
  REQUIRE(slow_body.send("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 5\r\n\r\nab"));
  CHECK(receive_response(slow_body).status() == 408);

  auto slow_upload = world.connect();
  REQUIRE(
      slow_upload.send("POST / HTTP/1.1\r\nHost: demo.test\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n5\r\nab"));
  CHECK(receive_response(slow_upload).status() == 408);

  auto no_answer = world.connect();
  REQUIRE(no_answer.send(get("/")));
  CHECK(receive_response(no_answer).status() == 504);
}

TEST_CASE("A client that does not read is given up, and its instance is free again") {
  gateway::limits bounds;
  bounds.stall = 300ms;
  std::promise<void> ended;
  world_with world(
      [&](connection& client) {
        receive_request(client);
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
        const std::string part(1'000'000, 'x');
        for (int i = 0; i < 1000 && client.send(part); ++i) {
        }
        ended.set_value();
      },
      bounds);
  auto client = world.connect();
  REQUIRE(client.send(get("/")));
  CHECK(ended.get_future().wait_for(10s) == std::future_status::ready);
}

TEST_CASE("Heads have a limit") {
  world_with world(echo_requests);
  auto client = world.connect();
  client.send(get("/", "X-Long: " + std::string(40'000, 'x') + "\r\n"));
  CHECK(client.receive_all().starts_with("HTTP/1.1 431 "));

  std::string many;
  for (int i = 0; i < 200; ++i)
    many += "A: b\r\n";
  auto other = world.connect();
  REQUIRE(other.send(get("/", many)));
  CHECK(receive_response(other).status() == 431);
}

TEST_CASE("Connections have a limit") {
  gateway::limits bounds;
  bounds.connections = 2;
  world_with world(echo_requests, bounds);
  auto first = world.connect();
  auto second = world.connect();
  REQUIRE(first.send(get("/")));
  REQUIRE(second.send(get("/")));
  CHECK(receive_response(first).status() == 200);
  CHECK(receive_response(second).status() == 200);
  auto third = world.connect();
  third.send(get("/"));
  CHECK(third.receive_all().empty());
}

TEST_CASE("A client that leaves takes nothing along") {
  std::latch asked(1);
  world_with world([&](connection& client) {
    if (receive_request(client).head.starts_with("GET /leave")) {
      asked.count_down();
      client.send(ok(std::string(10'000'000, 'x')));
      return;
    }
    client.send(ok("ok"));
  });
  {
    auto client = world.connect();
    REQUIRE(client.send(get("/leave")));
    asked.wait();
    client.abort();
  }
  auto client = world.connect();
  REQUIRE(client.send(get("/")));
  CHECK(receive_response(client).body == "ok");
}
