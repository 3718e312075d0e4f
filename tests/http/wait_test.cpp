// GET and POST .../wait.
#include <catch2/catch.hpp>
#include <thread>

#include "fixture.hpp"

using namespace platen::testing;

namespace {

// Asks in another thread and changes the instance once the server waits.
answer wait_while(fixture& at, const std::string& target, const std::function<void()>& change) {
  answer told;
  std::thread client([&] { told = at.get(target); });
  at.control.await_waiters(1);
  change();
  client.join();
  return told;
}

}  // namespace

TEST_CASE("a wait ends when the instance is in the state") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::booting);
  const auto told = wait_while(at, "/v1/instances/wait?name=a&state=running&timeout_s=-1",
                               [&] { at.control.enter("a", instance_phase::running); });
  CHECK(told.body.at("status") == "success");
  CHECK(told.item() ==
        json{{"status", "success"}, {"uuid", uuid}, {"name", "a"}, {"state", "running"}});
}

TEST_CASE("a wait for stopped accepts a failed instance: that is how it is shown") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto told = wait_while(at, "/v1/instances/wait?name=a&state=stopped&timeout_s=-1",
                               [&] { at.control.enter("a", instance_phase::failed); });
  CHECK(told.body.at("status") == "success");
}

TEST_CASE("a wait for running ends at once when it cannot come true any more") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::booting);
  auto told = wait_while(at, "/v1/instances/" + uuid + "/wait?timeout_s=-1", [&] {
    at.control.change("a", [](platen::actors::instance::state& one) {
      one.phase = instance_phase::failed;
      one.last_failure = platen::actors::instance::failure{"boot", "no kernel", "", 1};
    });
  });
  CHECK(told.status == 200);
  CHECK(told.body.at("status") == "error");
  CHECK(told.item().at("message") == "boot: no kernel");
  CHECK(told.item().at("state") == "stopped");
  CHECK_FALSE(told.item().contains("error"));

  at.control.change("a", [](platen::actors::instance::state& one) {
    one.phase = instance_phase::stopped;
    one.last_stop = platen::actors::instance::stop_facts{false, true, 1, "exit code 1"};
  });
  told = at.get("/v1/instances/wait?name=a&timeout_s=-1");
  CHECK(told.item().at("message") == "the instance is stopped: exit code 1");
}

TEST_CASE("a deletion ends a wait") {
  fixture at;
  at.instance("a", instance_phase::booting);
  const auto told = wait_while(at, "/v1/instances/wait?name=a&timeout_s=-1",
                               [&] { at.control.enter("a", instance_phase::deleted); });
  CHECK(told.item().at("state") == "deleted");
  CHECK(told.item().at("message") == "the instance was deleted");
}

TEST_CASE("a wait for standby succeeds when the instance sleeps, one for running ends then") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto told = wait_while(at, "/v1/instances/wait?name=a&state=standby&timeout_s=-1",
                               [&] { at.control.enter("a", instance_phase::standby); });
  CHECK(told.body.at("status") == "success");
  CHECK(told.item().at("state") == "standby");
  const auto running = at.get("/v1/instances/wait?name=a&state=running&timeout_s=-1");
  CHECK(running.item().at("message") == "the instance is in standby: a request wakes it");
}

TEST_CASE("a wait for deleted succeeds when it is") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto told = wait_while(at, "/v1/instances/wait?name=a&state=deleted&timeout_s=-1",
                               [&] { at.control.enter("a", instance_phase::deleted); });
  CHECK(told.body.at("status") == "success");
}

TEST_CASE("zero and the bare wait do not wait") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::booting);
  for (const auto& told :
       {at.get("/v1/instances/" + uuid + "/wait"), at.get("/v1/instances/wait?name=a&timeout_s=0"),
        at.call("POST", "/v1/instances/" + uuid + "/wait", R"({"timeout_s":0})")}) {
    CHECK(told.status == 200);
    CHECK(told.message() == "Operation timed out");
    CHECK(told.item() ==
          json{{"status", "error"}, {"uuid", uuid}, {"name", "a"}, {"state", "starting"}});
  }
  at.control.enter("a", instance_phase::running);
  CHECK(at.get("/v1/instances/" + uuid + "/wait").body.at("status") == "success");
}

TEST_CASE("the time bounds the wait, under its old name too, and in a body of a GET") {
  fixture at;
  at.instance("a", instance_phase::booting);
  CHECK(at.get("/v1/instances/wait?name=a&timeout_s=1").message() == "Operation timed out");
  const auto old = at.get("/v1/instances/wait", R"([{"name":"a","timeout_ms":1}])");
  CHECK(old.message() == "Operation timed out");
  CHECK(old.body.at("warnings").at(0).at("message") ==
        "'[0].timeout_ms' is deprecated: use 'timeout_s', in seconds");
}

TEST_CASE("waits that cannot be are refused") {
  fixture at;
  const auto check = [&](const std::string& query, const std::string& part) {
    const auto told = at.get("/v1/instances/wait" + query);
    INFO(query);
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check("", "name at least one instance");
  check("?name=a&timeout_s=-2", "'timeout_s' must be an integer from -1");
  check("?name=a&timeout_s=x", "'timeout_s' must be an integer");
  check("?name=a&state=happy", "'state' must be running");
  check("?name=a&state=checkpoint", "is not supported yet");
  CHECK(at.get("/v1/instances/wait?name=a").item().at("error") == 8);
}
