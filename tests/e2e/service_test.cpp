// The traffic of service groups through a real platend.
#include <fstream>

#include "tests/e2e/traffic_world.hpp"

namespace {

using namespace platen::tests;
using platen::testing::backend_server;
using platen::testing::connect_to;
using platen::testing::receive_response;

struct service_world : traffic_world {
  std::string ca() const { return platen({"ca"}).out; }

  platen::testing::received_response ask(const std::string& domain) const {
    auto client = connect_when_it_listens(8443);
    REQUIRE(client);
    REQUIRE(client.start_tls(domain, ca()));
    REQUIRE(client.send("GET / HTTP/1.1\r\nHost: " + domain + "\r\n\r\n"));
    return receive_response(client);
  }
};

}  // namespace

TEST_CASE("an instance's service is reached by its domain with the local CA's certificate") {
  service_world world;
  const auto one = world.platen_json(
      {"instance", "create", "--image", "any:v1", "--name", "one", "--port", "443:8080", "--wait"});
  CHECK(one.at("service_group").at("name") == "one");
  CHECK(one.at("service_group").at("domains").at(0).at("fqdn") == "one.localhost");
  backend_server guest(saying("hello"), service_world::port_of(one));
  CHECK(world.ask("one.localhost").body == "hello");
  CHECK(world.platen_json({"service", "ls"}).size() == 1);
  world.stop_daemon();
  world.start_daemon();
  CHECK(world.platen_json({"service", "get", "one"}).at("persistent") == false);
}

TEST_CASE(
    "instances of one service share its traffic, and one is replaced without a lost request") {
  service_world world;
  world.platen_json({"service", "create", "--name", "web", "--port", "443:8080", "--port",
                     "80:443/http+redirect"});
  const auto make = [&](const std::string& name) {
    return world.platen_json(
        {"instance", "create", "--image", "any:v1", "--name", name, "--service", "web", "--wait"});
  };
  const auto one = make("one");
  backend_server first(saying("one"), service_world::port_of(one));
  CHECK(world.ask("web.localhost").body == "one");
  const auto two = make("two");
  backend_server second(saying("two"), service_world::port_of(two));
  CHECK(world.platen({"instance", "rm", "one"}).code == 0);
  // The gateway hears of it a moment after the answer to the deletion.
  std::string last;
  for (int i = 0; i < 20 || (last != "two" && i < 500); ++i) {
    const auto answer = world.ask("web.localhost");
    REQUIRE(answer.status() == 200);
    last = answer.body;
  }
  CHECK(last == "two");

  auto plain = connect_to(service_world::address(), 8080);
  REQUIRE(plain.send("GET /x HTTP/1.1\r\nHost: web.localhost\r\n\r\n"));
  const auto moved = receive_response(plain);
  CHECK(moved.status() == 308);
  CHECK(moved.head.find("Location: https://web.localhost:8443/x\r\n") != std::string::npos);

  CHECK(world.platen({"service", "rm", "web"}).code != 0);
  CHECK(world.platen({"instance", "rm", "two"}).code == 0);
  CHECK(world.platen({"service", "rm", "web"}).code == 0);
  world.require_chain_unbroken();
}

TEST_CASE("a service group without instances says so") {
  service_world world;
  world.platen_json({"service", "create", "--name", "idle", "--port", "443:8080"});
  const auto answer = world.ask("idle.localhost");
  CHECK(answer.status() == 503);
  CHECK(answer.body == "the service has no running instance\n");
}

TEST_CASE("a request to a group that scales on demand is held until there is an instance") {
  service_world world;
  // The simulated hypervisor's first forwarded port.
  backend_server guest(saying("made for you"), 40000);
  world.platen_json({"service", "create", "--name", "web", "--port", "443:8080"});
  const auto args = world.directory().path() / "args.json";
  std::ofstream(args) << R"({"image": "any:v1"})";
  const auto configured =
      world.platen_json({"service", "autoscale", "web", "--template", "warm", "--create-args",
                         args.string(), "--max", "2", "--on-demand"});
  CHECK(configured.at("size") == 0);
  CHECK(world.ask("web.localhost").body == "made for you");
  CHECK(world.platen_json({"service", "autoscale", "web"}).at("size") == 1);
  const auto made = world.platen_json({"instance", "ls"}).at(0);
  CHECK(made.at("name").get<std::string>().starts_with("web-"));
  CHECK(made.at("template").at("name") == "warm");
  world.platen_json({"service", "autoscale", "web", "--off"});
  world.await_event("ServiceGroupLeft");
  CHECK(world.platen({"service", "rm", "web"}).code == 0);
  CHECK(world.count_events("ScaledOut") == 1);
  world.require_chain_unbroken();
}
