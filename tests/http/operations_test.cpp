// Start, stop and delete.
#include <catch2/catch.hpp>
#include <thread>

#include "fixture.hpp"

using namespace platen::testing;

TEST_CASE("start tells the state before and after, by path, query and body") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::stopped);
  for (const auto& [target, body] : std::map<std::string, std::string>{
           {"/v1/instances/" + uuid + "/start", ""},
           {"/v1/instances/" + uuid + "/start?timeout_s=0", "{}"},
           {"/v1/instances/start?name=a", ""},
           {"/v1/instances/start", R"([{"name":"a","timeout_s":0}])"}}) {
    at.control.enter("a", instance_phase::stopped);
    const auto told = at.call("PUT", target, body);
    INFO(target);
    CHECK(told.body.at("status") == "success");
    CHECK(told.item() == json{{"status", "success"},
                              {"uuid", uuid},
                              {"name", "a"},
                              {"state", "starting"},
                              {"previous_state", "stopped"}});
  }
}

TEST_CASE("start with a time waits until the instance runs") {
  fixture at;
  at.instance("a", instance_phase::stopped);
  answer told;
  std::thread client(
      [&] { told = at.call("PUT", "/v1/instances/start", R"([{"name":"a","timeout_s":-1}])"); });
  at.control.await_waiters(1);
  at.control.enter("a", instance_phase::running);
  client.join();
  CHECK(told.body.at("status") == "success");
  CHECK(told.item().at("state") == "running");
}

TEST_CASE("a start that takes too long is a timeout with the deprecated name as well") {
  fixture at;
  at.instance("a", instance_phase::stopped);
  const auto told = at.call("PUT", "/v1/instances/start", R"([{"name":"a","wait_timeout_ms":1}])");
  CHECK(told.message() == "Operation timed out");
  CHECK(told.item().at("state") == "starting");
  CHECK_FALSE(told.item().contains("error"));
  CHECK(told.body.at("warnings").size() == 1);
}

TEST_CASE("stop passes force on and does not wait") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  const auto told = at.call("PUT", "/v1/instances/stop", R"([{"name":"a","force":true}])");
  CHECK(told.item().at("state") == "stopping");
  CHECK(told.item().at("previous_state") == "running");
  REQUIRE(at.control.stops().size() == 1);
  CHECK(at.control.stops()[0].first == uuid);
  CHECK(at.control.stops()[0].second.force);
  at.call("PUT", "/v1/instances/" + uuid + "/stop", R"({"drain_timeout_ms":0})");
  CHECK_FALSE(at.control.stops().at(1).second.force);
  CHECK(at.control.stops().at(1).second.drain_ms == 0);
}

TEST_CASE("a stop and a suspend pass on how long to drain, -1 as the longest there is") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  at.call("PUT", "/v1/instances/" + uuid + "/stop", R"({"drain_timeout_ms":1500})");
  at.call("PUT", "/v1/instances/" + uuid + "/stop?drain_timeout_ms=-1");
  at.call("PUT", "/v1/instances/suspend", R"([{"name":"a","drain_timeout_ms":20}])");
  REQUIRE(at.control.stops().size() == 2);
  CHECK(at.control.stops()[0].second.drain_ms == 1500);
  CHECK(at.control.stops()[1].second.drain_ms == 3'600'000);
  CHECK(at.control.suspends() == std::vector<std::uint32_t>{20});
}

TEST_CASE("an instance that drains is shown so, and can be waited for") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::draining);
  const auto shown = at.call("GET", "/v1/instances/" + uuid).item();
  CHECK(shown.at("state") == "draining");
  CHECK(shown.at("lifecycle") == "draining");
  const auto waited = at.call("GET", "/v1/instances/" + uuid + "/wait?state=draining&timeout_s=5");
  CHECK(waited.item().at("status") == "success");
}

TEST_CASE("stops that cannot be are refused") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto check = [&](const std::string& item, const std::string& part) {
    const auto told = at.call("PUT", "/v1/instances/stop", "[" + item + "]");
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check(R"({"name":"a","force":true,"drain_timeout_ms":0})", "cannot be given with 'force'");
  check(R"({"name":"a","drain_timeout_ms":3600001})",
        "'[0].drain_timeout_ms' must be an integer from -1 to 3600000");
  check(R"({"name":"a","drain_timeout_ms":-2})", "must be an integer from -1");
  check(R"({"name":"a","quick":true})", "'[0].quick' is not supported yet");
  check(R"({"name":"a","dump":true})", "'[0].dump' is not supported yet");
  check(R"({"name":"a","grace":1})", "is not a valid member");
  CHECK(at.call("PUT", "/v1/instances/stop", "[]").status == 400);
  CHECK(at.call("PUT", "/v1/instances/stop").status == 400);
  CHECK(at.control.stops().empty());
}

TEST_CASE("delete by path, query and body, with partial success") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  at.instance("b", instance_phase::stopped);
  at.instance("c", instance_phase::stopped);
  const auto mixed = at.call("DELETE", "/v1/instances", R"([{"name":"b"},{"name":"nope"}])");
  CHECK(mixed.status == 200);
  CHECK(mixed.body.at("status") == "partial_success");
  CHECK(mixed.item(0).at("previous_state") == "stopped");
  CHECK(mixed.item(1) == json{{"status", "error"},
                              {"name", "nope"},
                              {"message", "No instance with name 'nope'"},
                              {"error", 8}});
  CHECK(at.call("DELETE", "/v1/instances?name=c").body.at("status") == "success");
  const auto by_path =
      at.call("DELETE", "/v1/instances/" + uuid, R"({"timeout_s":5,"dont_retain":true})");
  CHECK(by_path.item() ==
        json{{"status", "success"}, {"uuid", uuid}, {"name", "a"}, {"previous_state", "running"}});
  CHECK(at.control.instances().size() == 3);
  CHECK(at.get("/v1/instances/" + uuid).item().at("error") == 8);
}

TEST_CASE("delete without naming anything deletes nothing") {
  fixture at;
  at.instance("a", instance_phase::running);
  CHECK(at.call("DELETE", "/v1/instances").status == 400);
  CHECK(at.call("DELETE", "/v1/instances", "[]").status == 400);
  CHECK(at.call("DELETE", "/v1/instances", "{}").status == 400);
  CHECK(at.control.find_instance({"", "a"}) != nullptr);
}

TEST_CASE("templates are deleted by reference") {
  fixture at;
  const auto uuid = at.prepared_template("t", template_phase::snapshotted);
  const auto told = at.call("DELETE", "/v1/instances/templates", R"([{"name":"t"}])");
  CHECK(told.item() == json{{"status", "success"}, {"uuid", uuid}, {"name", "t"}});
  const auto again = at.call("DELETE", "/v1/instances/templates/" + uuid);
  CHECK(again.item().at("message") == "No instance template with uuid '" + uuid + "'");
  CHECK(again.item().at("error") == 8);
}

TEST_CASE("a refused command names its instance and its code") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  at.control.refuse_next({platen::actors::rejection::kind::wrong_state, "it runs"});
  const auto told = at.call("PUT", "/v1/instances/start", R"([{"name":"a"}])");
  CHECK(told.item() == json{{"status", "error"},
                            {"uuid", uuid},
                            {"name", "a"},
                            {"message", "it runs"},
                            {"error", 11}});
}
