// Suspend, scale to zero and conversion.
#include <catch2/catch.hpp>
#include <thread>

#include "fixture.hpp"

using namespace platen::testing;

TEST_CASE("suspend tells the state before and after, by path, query and body") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  for (const auto& [target, body] : std::vector<std::pair<std::string, std::string>>{
           {"/v1/instances/" + uuid + "/suspend", ""},
           {"/v1/instances/" + uuid + "/suspend?drain_timeout_ms=0", ""},
           {"/v1/instances/suspend?name=a", ""},
           {"/v1/instances/suspend", R"([{"name":"a"}])"},
           {"/v1/instances/suspend", R"({"name":"a","drain_timeout_ms":0})"}}) {
    at.control.enter("a", instance_phase::running);
    const auto told = at.call("PUT", target, body);
    INFO(target);
    CHECK(told.item() == json{{"status", "success"},
                              {"uuid", uuid},
                              {"name", "a"},
                              {"state", "stopping"},
                              {"previous_state", "running"}});
  }
  CHECK(at.call("PUT", "/v1/instances/suspend", R"([{"name":"nobody"}])").item().at("error") == 8);
  const auto drains = at.call("PUT", "/v1/instances/suspend?name=a&drain_timeout_ms=3600001", "");
  CHECK(drains.status == 400);
  CHECK(drains.message().find("from -1 to 3600000") != std::string::npos);
}

TEST_CASE("what sleeps is shown: suspended on request as stopped, by scale to zero as standby") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  const auto enter = [&](instance_phase phase) {
    at.control.change("a", [&](platen::actors::instance::state& one) {
      one.phase = phase;
      one.suspended_attempt = 1;
      one.suspended_bytes = 64;
    });
    return at.get("/v1/instances/" + uuid).item();
  };
  auto shown = enter(instance_phase::suspended);
  CHECK(shown.at("state") == "stopped");
  CHECK(shown.at("lifecycle") == "suspended");
  CHECK(shown.at("suspended") == json{{"attempt", 1}, {"state_bytes", 64}});
  shown = enter(instance_phase::standby);
  CHECK(shown.at("state") == "standby");
  at.control.change("a", [](platen::actors::instance::state& one) {
    one.last_setback = platen::actors::instance::failure{"suspend", "disk full", "", 1};
  });
  CHECK(at.get("/v1/instances/" + uuid).item().at("setback").at("reason") == "disk full");
}

TEST_CASE("scale_to_zero and num_requests of a create reach the control plane and are shown") {
  fixture at;
  const json body = {
      {"name", "a"},
      {"image", "demo"},
      {"service_group", {{"services", {{{"port", 443}, {"destination_port", 8080}}}}}},
      {"scale_to_zero",
       {{"policy", "on"}, {"stateful", true}, {"cooldown_time_ms", 500}, {"notify_time_ms", 499}}},
      {"autokill", {{"num_requests", 3}}}};
  const auto made = at.post("/v1/instances", body);
  REQUIRE(made.status == 200);
  const auto spec = at.control.creates().at(0).spec;
  CHECK(spec.scale_to_zero == "on");
  CHECK(spec.stateful);
  CHECK(spec.cooldown_ms == 500);
  CHECK(spec.notify_ms == 499);
  CHECK(spec.autokill_requests == 3);
  CHECK(made.item().at("scale_to_zero") == json{{"enabled", true},
                                                {"policy", "on"},
                                                {"stateful", true},
                                                {"cooldown_time_ms", 500},
                                                {"notify_time_ms", 499}});
  CHECK(made.item().at("autokill") == json{{"time_ms", 0}, {"num_requests", 3}});
}

TEST_CASE("create_args may scale to zero: whether there is a service group is its clones' matter") {
  fixture at;
  const json args = {{"image", "demo"}, {"scale_to_zero", {{"policy", "idle"}}}};
  const auto made = at.post(
      "/v1/instances",
      {{"template", {{"name", "t"}, {"prepare", true}, {"create_args", args}}}, {"timeout_s", 0}});
  REQUIRE(made.status == 200);
  const auto spec = *at.control.creates().at(0).from->create_args;
  CHECK(spec.scale_to_zero == "idle");
  CHECK(spec.cooldown_ms == 1000);
}

TEST_CASE("scale_to_zero and the whole autokill are changed by a PATCH") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  const auto patch = [&](const std::string& body) {
    return at.call("PATCH", "/v1/instances/" + uuid, body);
  };
  CHECK(patch(R"({"prop":"scale_to_zero","op":"set","value":{"policy":"idle"}})").status == 200);
  CHECK(patch(R"({"prop":"scale_to_zero","op":"del"})").status == 200);
  CHECK(patch(R"({"prop":"autokill","op":"set","value":{"num_requests":7}})").status == 200);
  const auto changes = at.control.instance_changes();
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].scale_to_zero->policy == "idle");
  CHECK(changes[1].scale_to_zero->policy == "off");
  CHECK(changes[2].autokill_requests == 7u);
  CHECK(changes[2].autokill_ms == 0u);
  CHECK(patch(R"({"prop":"scale_to_zero","op":"add","value":{"policy":"on"}})").status == 400);
}

TEST_CASE("an instance is converted by an object or an array, and the answer is the template") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  for (const auto* body :
       {R"([{"name":"a","autokill":{"time_ms":60000}}])", R"({"name":"a","timeout_s":10})"}) {
    at.control.enter("a", instance_phase::running);
    const auto told = at.call("POST", "/v1/instances/templates", body);
    INFO(body << told.text);
    CHECK(told.item() ==
          json{{"status", "success"}, {"uuid", uuid}, {"name", "a"}, {"state", "template"}});
  }
  CHECK(at.control.conversions() == std::vector<std::uint64_t>{60000, 0});
}

TEST_CASE("a conversion is waited for, and one that fails is an error item with its reason") {
  fixture at;
  at.instance("a", instance_phase::running);
  at.control.convert_into(instance_phase::converting);
  answer told;
  std::thread client(
      [&] { told = at.call("POST", "/v1/instances/templates", R"([{"name":"a"}])"); });
  at.control.await_waiters(1);
  at.control.change("a", [](platen::actors::instance::state& one) {
    one.phase = instance_phase::running;
    one.last_setback = platen::actors::instance::failure{"disk", "it is full", "", 1};
  });
  client.join();
  CHECK(told.item().at("status") == "error");
  CHECK(told.item().at("error") == 10);
  CHECK(told.item().at("message") == "disk: it is full");
  CHECK(told.item().at("state") == "running");
}

TEST_CASE("a conversion that takes too long, or is not waited for, goes on") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  at.control.convert_into(instance_phase::converting);
  const auto late = at.call("POST", "/v1/instances/templates", R"([{"name":"a","timeout_s":1}])");
  CHECK(late.message() == "Operation timed out");
  CHECK(late.item().at("uuid") == uuid);
  const auto at_once =
      at.call("POST", "/v1/instances/templates", R"([{"name":"a","timeout_s":0}])");
  CHECK(at_once.item().at("status") == "success");
  CHECK(at_once.item().at("state") == "stopping");
}

TEST_CASE("conversions that cannot be are refused") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto convert = [&](const std::string& body) {
    return at.call("POST", "/v1/instances/templates", body);
  };
  CHECK(convert(R"([{"name":"nobody"}])").item().at("message") == "No instance with name 'nobody'");
  CHECK(convert(R"([{"name":"a","new_name":"b"}])").message().find("is not a valid member") !=
        std::string::npos);
  CHECK(convert("[]").status == 400);
  CHECK(at.control.conversions().empty());
}
