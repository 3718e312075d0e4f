// Scale to zero, suspend, conversion and autokill by requests through a real platend and its
// gateway.
#include <latch>

#include "tests/e2e/traffic_world.hpp"

namespace {

using namespace platen::tests;
using platen::testing::backend_server;
using platen::testing::connection;
using platen::testing::receive_response;

struct sleepy_world : traffic_world {
  // Runs, on port 80 of the gateway and of the domain one.localhost.
  json make(const std::string& scaling, const std::string& port = "80:8080/http") const {
    return platen_json({"instance", "create", "--image", "any:v1", "--name", "one", "--port", port,
                        "--scale-to-zero", scaling, "--wait"});
  }

  void await_state(const std::string& state) const {
    CHECK(platen({"instance", "wait", "one", "--state", state, "--timeout", "60"}).code == 0);
  }

  static std::string ask() {
    auto client = connect_when_it_listens(8080);
    REQUIRE(client);
    REQUIRE(client.send("GET / HTTP/1.1\r\nHost: one.localhost\r\n\r\n"));
    return receive_response(client).body;
  }
};

}  // namespace

TEST_CASE("an idle instance sleeps with its memory, and a request wakes it and is answered") {
  sleepy_world world;
  const auto one = world.make("on,stateful,cooldown=300");
  const auto port = sleepy_world::port_of(one);
  backend_server awake(saying("before"), port);
  // The VM that goes on after the sleep is forwarded to the next port.
  backend_server woken(saying("after"), static_cast<std::uint16_t>(port + 1));
  CHECK(world.ask() == "before");
  world.await_state("standby");
  CHECK(world.instance("one").at("lifecycle") == "standby");
  CHECK(world.count_events("InstanceSuspended") == 1);
  CHECK(world.ask() == "after");
  CHECK(world.count_events("InstanceResumeStarted") == 1);
  const auto story = world.platen({"explain", "one"}).out;
  CHECK(story.find("nobody needs it: suspended until a request comes") != std::string::npos);
  CHECK(story.find("woken by a request, after it slept for") != std::string::npos);
  world.require_chain_unbroken();
}

TEST_CASE("an instance without state is stopped when it is idle, and boots for a request") {
  sleepy_world world;
  const auto port = sleepy_world::port_of(world.make("on,cooldown=200"));
  backend_server woken(saying("booted"), static_cast<std::uint16_t>(port + 1));
  world.await_state("standby");
  CHECK(world.count_events("InstanceStopRequested") == 1);
  CHECK(world.ask() == "booted");
  CHECK(world.count_events("InstanceBootStarted") == 2);
}

TEST_CASE("a plain TCP connection wakes an instance as well") {
  sleepy_world world;
  const auto port = sleepy_world::port_of(world.make("on,stateful,cooldown=200", "9000:9000"));
  backend_server woken(saying("over tcp"), static_cast<std::uint16_t>(port + 1));
  world.await_state("standby");
  auto client = sleepy_world::connect_when_it_listens(17000);
  REQUIRE(client);
  REQUIRE(client.send("GET / HTTP/1.1\r\nHost: any\r\n\r\n"));
  CHECK(receive_response(client).body == "over tcp");
}

TEST_CASE("requests that come while the instance falls asleep are all answered") {
  sleepy_world world;
  // So short that almost every request finds it on its way into or out of its sleep.
  const auto port = sleepy_world::port_of(world.make("on,stateful,cooldown=1"));
  std::vector<std::unique_ptr<backend_server>> guests;
  for (std::uint16_t i = 0; i < 200; ++i)
    guests.push_back(
        std::make_unique<backend_server>(saying("ok"), static_cast<std::uint16_t>(port + i)));
  for (int i = 0; i < 60; ++i) {
    CHECK(world.ask() == "ok");
    std::this_thread::sleep_for(std::chrono::milliseconds(i % 20));
  }
  CHECK(world.count_events("InstanceSuspended") >= 3);
  world.require_chain_unbroken();
}

TEST_CASE("a daemon that ends while an instance sleeps wakes it afterwards") {
  sleepy_world world;
  world.make("on,stateful,cooldown=200");
  world.await_state("standby");
  world.kill_daemon();
  world.start_daemon();
  // The simulated machine ended with its daemon: the memory is lost, and that is said.
  const auto now = world.instance("one");
  CHECK(now.at("lifecycle") == "failed");
  CHECK(now.at("failure").at("stage") == "suspend");
}

TEST_CASE("an instance is suspended, started and converted from the command line") {
  sleepy_world world;
  world.platen_json({"instance", "create", "--image", "any:v1", "--name", "one", "--wait"});
  CHECK(world.platen({"instance", "suspend", "one"}).code == 0);
  world.await_state("stopped");
  CHECK(world.instance("one").at("lifecycle") == "suspended");
  CHECK(world.platen({"instance", "start", "one"}).code == 0);
  world.await_state("running");
  const auto made = world.platen({"instance", "convert", "one", "--autokill", "600000"});
  CHECK(made.out == "one  template\n");
  CHECK(world.vm_template("one").at("template_autokill").at("time_ms") == 600000);
  CHECK(world.platen({"instance", "get", "one"}).code != 0);
  const auto clone =
      world.platen_json({"instance", "create", "--template", "one", "--name", "two", "--wait"});
  CHECK(clone.at("lifecycle") == "running");
  CHECK(world.count_events("InstanceCloneStarted") == 1);
  world.require_chain_unbroken();
}

TEST_CASE("an instance is deleted after as many requests as it is to serve") {
  sleepy_world world;
  const auto one = world.platen_json({"instance", "create", "--image", "any:v1", "--name", "one",
                                      "--port", "80:8080/http", "--wait"});
  REQUIRE(world.platen({"instance", "set", "one", "--autokill-requests", "3"}).code == 0);
  backend_server guest(saying("ok"), sleepy_world::port_of(one));
  for (int i = 0; i < 3; ++i)
    CHECK(world.ask() == "ok");
  const auto event = world.await_event("InstanceAutokilled");
  CHECK(event.at("data").at("requests") == 3);
}

TEST_CASE(
    "requests that were counted are known after a restart, and the instance gets the others") {
  sleepy_world world;
  world.platen_json({"instance", "create", "--image", "any:v1", "--name", "one", "--port",
                     "80:8080/http", "--wait"});
  REQUIRE(world.platen({"instance", "set", "one", "--autokill-requests", "64"}).code == 0);
  const auto serve = [&](int times) {
    backend_server guest(saying("ok"), sleepy_world::port_of(world.instance("one")));
    for (int i = 0; i < times; ++i)
      CHECK(world.ask() == "ok");
  };
  serve(10);
  // Each fourth is recorded, a sixteenth of them all; a daemon that is killed knows no more.
  world.await_event([](const json& event) {
    return event.at("type") == "InstanceRequestsCounted" && event.at("data").at("requests") >= 8;
  });
  const auto restart = [&] {
    world.start_daemon();
    // The simulated machine ended with its daemon.
    REQUIRE(world.platen({"instance", "start", "one", "--wait"}).code == 0);
  };
  world.kill_daemon();
  restart();
  const auto counts = [&] {
    std::uint64_t newest = 0;
    for (const auto& event : world.events())
      if (event.at("type") == "InstanceRequestsCounted")
        newest = event.at("data").at("requests").get<std::uint64_t>();
    return newest;
  };
  const auto known = counts();
  CHECK((known >= 8 && known <= 10));
  serve(3);
  // A daemon that is told to end records the last of them.
  world.stop_daemon();
  restart();
  CHECK(counts() == known + 3);
  serve(static_cast<int>(64 - known - 3));
  const auto event = world.await_event("InstanceAutokilled");
  CHECK(event.at("data").at("requests") == 64);
  world.require_chain_unbroken();
}

TEST_CASE("an instance that drains gets nothing new, and stops when its last request is answered") {
  sleepy_world world;
  const auto one = world.platen_json({"instance", "create", "--image", "any:v1", "--name", "one",
                                      "--port", "80:8080/http", "--wait"});
  std::latch asked(1);
  std::latch answer(1);
  backend_server guest(
      [&](connection& client) {
        if (!receive_request(client)) return;
        asked.count_down();
        answer.wait();
        client.send(platen::testing::ok("at last"));
      },
      sleepy_world::port_of(one));
  std::string told;
  std::jthread client([&] { told = sleepy_world::ask(); });
  asked.wait();
  const auto stopped = world.platen({"instance", "stop", "one", "--drain", "60000"});
  CHECK(stopped.out == "one  running -> draining\n");
  CHECK(world.instance("one").at("lifecycle") == "draining");
  auto late = sleepy_world::connect_when_it_listens(8080);
  REQUIRE(late.send("GET / HTTP/1.1\r\nHost: one.localhost\r\n\r\n"));
  CHECK(receive_response(late).status() == 503);
  CHECK(world.instance("one").at("lifecycle") == "draining");
  answer.count_down();
  client.join();
  CHECK(told == "at last");
  world.await_state("stopped");
  const auto story = world.platen({"explain", "one"}).out;
  CHECK(story.find("it has nothing in hand any more: it is stopped") != std::string::npos);
  world.require_chain_unbroken();
}

TEST_CASE(
    "an instance that has nothing in hand does not drain for long, nor one that has for ever") {
  sleepy_world world;
  const auto one = world.platen_json({"instance", "create", "--image", "any:v1", "--name", "one",
                                      "--port", "80:8080/http", "--wait"});
  CHECK(world.platen({"instance", "suspend", "one", "--drain", "-1"}).code == 0);
  world.await_state("stopped");
  CHECK(world.instance("one").at("lifecycle") == "suspended");
  REQUIRE(world.platen({"instance", "start", "one", "--wait"}).code == 0);
  std::latch asked(1);
  std::latch over(1);
  backend_server guest(
      [&](connection& client) {
        receive_request(client);
        asked.count_down();
        over.wait();
      },
      sleepy_world::port_of(world.instance("one")));
  auto client = sleepy_world::connect_when_it_listens(8080);
  REQUIRE(client.send("GET / HTTP/1.1\r\nHost: one.localhost\r\n\r\n"));
  asked.wait();
  CHECK(world.platen({"instance", "stop", "one", "--drain", "300"}).code == 0);
  world.await_state("stopped");
  const auto story = world.platen({"explain", "one"}).out;
  CHECK(story.find("its time to drain is over: it is stopped") != std::string::npos);
  over.count_down();
}

TEST_CASE("a guest is told before it sleeps, and that it does not if a request comes in between") {
  sleepy_world world;
  const auto one = world.make("on,stateful,cooldown=6000,notify=5900");
  backend_server guest(saying("ok"), sleepy_world::port_of(one));
  const auto log = [&] { return world.platen({"instance", "logs", "one"}).out; };
  const auto await_line = [&](const std::string& text) {
    // Nothing is recorded when a guest is told.
    for (int tries = 0; tries < 200 && log().find(text) == std::string::npos; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return log().find(text) != std::string::npos;
  };
  CHECK(await_line("scaletozero\n"));
  CHECK(world.ask() == "ok");
  CHECK(await_line("scaletozero\nawake\n"));
  CHECK(world.count_events("InstanceSuspended") == 0);
  world.await_state("standby");
  CHECK(log().ends_with("scaletozero\nawake\nscaletozero\n"));
}
