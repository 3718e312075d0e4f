#include <array>
#include <cstdio>
#include <mutex>

#include "fixture.hpp"

using namespace platen;
using namespace platen::testing;
using gateway::protocol;

namespace {

struct echo_world : gateway_fixture {
  explicit echo_world(gateway::limits bounds = {}) : gateway_fixture(bounds) {
    publish(protocol::http, {route_to({server.port()})});
  }
  backend_server server{echo_requests};
};

}  // namespace

TEST_CASE("A connection serves one request after the other, over one backend connection") {
  echo_world world;
  auto client = world.connect();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(client.send(get("/" + std::to_string(i))));
    const auto answer = receive_response(client);
    CHECK(answer.status() == 200);
    CHECK(answer.body.starts_with("GET /" + std::to_string(i) + " HTTP/1.1\r\n"));
    CHECK(answer.body.find("X-Forwarded-For: " + world.address.substr(0, 4)) != std::string::npos);
    CHECK(answer.body.find("X-Forwarded-Proto: http\r\n") != std::string::npos);
    CHECK(answer.body.find("X-Forwarded-Host: demo.test\r\n") != std::string::npos);
  }
  CHECK(world.server.connections() == 1);
}

TEST_CASE("Requests that come together are answered in order") {
  echo_world world;
  auto client = world.connect();
  REQUIRE(client.send(get("/1") + get("/2") + get("/3")));
  for (const auto* path : {"GET /1 ", "GET /2 ", "GET /3 "})
    CHECK(receive_response(client).body.starts_with(path));
}

TEST_CASE("Bodies of any framing and size pass through") {
  echo_world world;
  auto client = world.connect();
  for (const std::size_t size : {0UL, 1UL, 5000UL, 70'000UL, 3'000'000UL}) {
    const std::string body(size, 'x');
    REQUIRE(client.send("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: " +
                        std::to_string(size) + "\r\n\r\n" + body));
    CHECK(receive_response(client).body.ends_with("\r\n\r\n" + body));
    REQUIRE(
        client.send("POST / HTTP/1.1\r\nHost: demo.test\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (std::size_t at = 0; at < size; at += 40'000) {
      const auto part = body.substr(at, 40'000);
      std::array<char, 16> length{};
      std::snprintf(length.data(), length.size(), "%zx\r\n", part.size());
      REQUIRE(client.send(length.data() + part + "\r\n"));
    }
    REQUIRE(client.send("0\r\n\r\n"));
    CHECK(receive_response(client).body.ends_with("\r\n\r\n" + body));
  }
}

TEST_CASE("Responses in chunks or up to the end of the connection pass through") {
  backend_server server([](connection& client) {
    while (const auto request = receive_request(client)) {
      if (request.head.starts_with("GET /chunks")) {
        client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        client.send("3\r\ndef\r\n0\r\n\r\n");
        continue;
      }
      client.send("HTTP/1.1 200 OK\r\n\r\nabcdef");
      return;
    }
  });
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({server.port()})});
  auto client = world.connect();
  for (const auto* path : {"/chunks", "/end", "/chunks"}) {
    REQUIRE(client.send(get(path)));
    CHECK(receive_response(client).body == "abcdef");
  }
  auto old = world.connect();
  REQUIRE(old.send("GET /chunks HTTP/1.0\r\nHost: demo.test\r\n\r\n"));
  const auto answer = old.receive_all();
  CHECK(answer.find("chunked") == std::string::npos);
  CHECK(answer.ends_with("\r\n\r\nabcdef"));
}

TEST_CASE("A part of a response is passed on before the next one exists") {
  std::mutex held;
  held.lock();
  backend_server server([&](connection& client) {
    receive_request(client);
    client.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    const std::lock_guard until_the_client_has_it(held);
    client.send("4\r\nlast\r\n0\r\n\r\n");
  });
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({server.port()})});
  auto client = world.connect();
  REQUIRE(client.send(get("/")));
  CHECK(client.receive_until("first\r\n").ends_with("first\r\n"));
  held.unlock();
  CHECK(client.receive_until("0\r\n\r\n") == "4\r\nlast\r\n0\r\n\r\n");
}

TEST_CASE("HEAD has the headers of the response and no body") {
  backend_server server([](connection& client) {
    while (receive_request(client))
      client.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  });
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({server.port()})});
  auto client = world.connect();
  for (int i = 0; i < 2; ++i) {
    REQUIRE(client.send("HEAD / HTTP/1.1\r\nHost: demo.test\r\n\r\n"));
    const auto answer = receive_response(client, false);
    CHECK(answer.status() == 200);
    CHECK(answer.head.find("Content-Length: 1000\r\n") != std::string::npos);
  }
}

TEST_CASE("Expect is answered by the gateway") {
  echo_world world;
  for (const std::size_t size : {10UL, 100'000UL}) {
    auto client = world.connect();
    REQUIRE(
        client.send("POST / HTTP/1.1\r\nHost: demo.test\r\nExpect: 100-continue\r\n"
                    "Content-Length: " +
                    std::to_string(size) + "\r\n\r\n"));
    CHECK(client.receive_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    REQUIRE(client.send(std::string(size, 'y')));
    const auto answer = receive_response(client);
    CHECK(answer.body.ends_with("\r\n\r\n" + std::string(size, 'y')));
    CHECK(answer.body.find("Expect") == std::string::npos);
  }
}

TEST_CASE("After 101 the connection is a tunnel") {
  backend_server server([](connection& client) {
    const auto request = receive_request(client);
    if (request.header("upgrade") != "websocket" || request.header("connection") != "upgrade")
      return;
    client.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Accept: x\r\n\r\nwelcome");
    for (auto text = client.receive(); !text.empty(); text = client.receive())
      client.send(text);
  });
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({server.port()})});
  auto client = world.connect();
  REQUIRE(client.send(get("/", "Connection: Upgrade\r\nUpgrade: websocket\r\n") + "early"));
  const auto head = client.receive_until("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 101 "));
  CHECK(head.find("Upgrade: websocket\r\n") != std::string::npos);
  CHECK(head.find("Sec-WebSocket-Accept: x\r\n") != std::string::npos);
  CHECK(client.receive_exactly(12) == "welcomeearly");
  REQUIRE(client.send("ping"));
  CHECK(client.receive_exactly(4) == "ping");
  client.finish_sending();
  CHECK(client.receive_all().empty());
}

TEST_CASE("Interim answers pass, a response to an unread body does not wait for it") {
  backend_server server([](connection& client) {
    const auto head = client.receive_until("\r\n\r\n");
    if (head.starts_with("GET")) {
      client.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok("done"));
    } else {
      client.send(
          "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
  });
  gateway_fixture world;
  world.publish(protocol::http, {world.route_to({server.port()})});
  auto client = world.connect();
  REQUIRE(client.send(get("/")));
  CHECK(client.receive_until("\r\n\r\n").starts_with("HTTP/1.1 103 "));
  CHECK(receive_response(client).body == "done");

  auto sender = world.connect();
  REQUIRE(
      sender.send("POST / HTTP/1.1\r\nHost: demo.test\r\nContent-Length: 90000000\r\n\r\nstart"));
  const auto refused = receive_response(sender);
  CHECK(refused.status() == 413);
  CHECK(refused.head.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("Groups share a port and are told apart by Host") {
  backend_server first([](connection& client) {
    while (receive_request(client))
      client.send(ok("first"));
  });
  backend_server second([](connection& client) {
    while (receive_request(client))
      client.send(ok("second"));
  });
  gateway_fixture world;
  auto one = world.route_to({first.port()});
  auto other = world.route_to({second.port()});
  other.domains = {"other.test", "*.wild.test"};
  world.publish(protocol::http, {one, other});
  auto client = world.connect();
  const auto asked = [&](const std::string& host) {
    REQUIRE(client.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"));
    return receive_response(client);
  };
  CHECK(asked("demo.test").body == "first");
  CHECK(asked("OTHER.test:8443").body == "second");
  CHECK(asked("a.wild.test").body == "second");
  const auto unknown = asked("b.a.wild.test");
  CHECK(unknown.status() == 404);
  CHECK(unknown.body == "no service group has the domain 'b.a.wild.test'\n");
}

TEST_CASE("A redirect leads to the same place behind TLS") {
  gateway_fixture world;
  auto route = world.route_to({});
  route.redirect_to = 443;
  world.publish(protocol::http, {route});
  auto client = world.connect();
  REQUIRE(client.send(get("/a?b=c")));
  const auto answer = receive_response(client);
  CHECK(answer.status() == 308);
  CHECK(answer.head.find("Location: https://demo.test/a?b=c\r\n") != std::string::npos);
}

TEST_CASE("Plain TCP passes through, each end of its own") {
  backend_server server([](connection& client) {
    const auto all = client.receive_all();
    client.send("got " + all);
  });
  gateway_fixture world;
  world.publish(protocol::tcp, {world.route_to({server.port()})});
  auto client = world.connect();
  REQUIRE(client.send("some bytes"));
  client.finish_sending();
  CHECK(client.receive_all() == "got some bytes");
}

TEST_CASE("A listener that is taken is reported and opened once it is free") {
  gateway_fixture first;
  backend_server server(echo_requests);
  first.publish(protocol::http, {first.route_to({server.port()})});
  gateway_fixture second;
  second.port = first.port;
  gateway::table same;
  same.listeners.push_back({443, second.port, protocol::http, {second.route_to({server.port()})}});
  const auto problems = second.under_test->publish(same);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].port == second.port);
  first.under_test->publish({});
  CHECK(second.under_test->publish(same).empty());
  auto client = second.connect();
  REQUIRE(client.send(get("/")));
  CHECK(receive_response(client).status() == 200);
}
