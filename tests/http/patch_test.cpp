// PATCH of instances and templates, and how settings are read from creates.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;
using platen::actors::edit_op;

TEST_CASE("settings of a create reach the control plane") {
  fixture at;
  const json body = {{"name", "a"},
                     {"image", "demo"},
                     {"tags", {"x", "y", "x"}},
                     {"annotations", {{"example.org/team", "blue"}}},
                     {"autokill", {{"time_ms", 5000}}},
                     {"restart_policy", "on-failure"}};
  const auto made = at.post("/v1/instances", body);
  CHECK(made.status == 200);
  const auto spec = at.control.creates().at(0).spec;
  CHECK(spec.tags == std::vector<std::string>{"x", "y"});
  CHECK(spec.annotations.at(0).name == "example.org/team");
  CHECK(spec.autokill_ms == 5000);
  CHECK(spec.restart_policy == "on-failure");
  CHECK(made.item().at("tags") == json({"x", "y"}));
  CHECK(made.item().at("annotations") == json({{"example.org/team", "blue"}}));
  CHECK(made.item().at("autokill") == json({{"time_ms", 5000}}));
}

TEST_CASE("settings that cannot be are refused with the rule") {
  fixture at;
  const auto check = [&](const json& members, const std::string& part) {
    json body = {{"image", "demo"}};
    body.merge_patch(members);
    const auto told = at.post("/v1/instances", body);
    INFO(members.dump() << " " << told.text);
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check({{"tags", {"a b"}}}, "'tags' must be of 1 to 256 characters");
  check({{"tags", json::array({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13",
                               "14", "15", "16", "17"})}},
        "'tags' has more than 16");
  check({{"annotations", {{"a/b/c", "x"}}}}, "'annotations.a/b/c' is not a valid key");
  check({{"annotations", {{"a", "x\ny"}}}}, "'annotations.a' contains a control character");
  check({{"restart_policy", "sometimes"}}, "'restart_policy' must be 'never', 'always'");
  check({{"restart_policy", "always"}, {"features", {"delete-on-stop"}}},
        "cannot be combined with the feature 'delete-on-stop'");
  check({{"features", {"flying"}}}, "'features' must be of 'delete-on-stop'");
  check({{"autokill", {{"num_requests", -1}}}},
        "'autokill.num_requests' must be an integer from 0");
  const auto scaling = [](json value) { return json{{"scale_to_zero", std::move(value)}}; };
  check(scaling({{"policy", "on"}}), "'scale_to_zero' needs a 'service_group'");
  check(scaling({{"stateful", true}}), "'scale_to_zero.policy' is required");
  check(scaling({{"policy", "sometimes"}}), "'scale_to_zero.policy' must be 'off', 'on' or 'idle'");
  check(scaling({{"policy", "on"}, {"cooldown_time_ms", 0}}),
        "'scale_to_zero.cooldown_time_ms' must be an integer from 1");
  check(scaling({{"policy", "on"}, {"cooldown_time_ms", 5}, {"notify_time_ms", 5}}),
        "'scale_to_zero.notify_time_ms' must be less than 'cooldown_time_ms', which is 5");
  check({{"features", {"delete-on-stop"}}, {"scale_to_zero", {{"policy", "on"}}}},
        "cannot be combined with the feature 'delete-on-stop'");
  check({{"replicas", -1}}, "'replicas' must be an integer from 0");
}

TEST_CASE("replicas are instances with names of their own") {
  fixture at;
  const auto made = at.post("/v1/instances", {{"name", "a"}, {"image", "demo"}, {"replicas", 2}});
  CHECK(made.status == 200);
  CHECK(made.body.at("data").at("instances").size() == 3);
  CHECK(made.item(0).at("name") == "a");
  CHECK(made.item(2).at("name") == "a-2");
}

TEST_CASE("a PATCH changes one property of each item and gives its id back") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto told = at.call(
      "PATCH", "/v1/instances",
      json({{{"name", "a"}, {"prop", "tags"}, {"op", "add"}, {"value", {"x"}}, {"id", "one"}},
            {{"name", "a"}, {"prop", "env"}, {"op", "del"}, {"value", "PATH"}},
            {{"name", "b"}, {"prop", "delete_lock"}, {"op", "set"}, {"value", true}},
            {{"name", "a"}, {"prop", "autokill"}, {"op", "del"}}})
          .dump());
  CHECK(told.status == 200);
  CHECK(told.body.at("status") == "partial_success");
  CHECK(told.item(0).at("id") == "one");
  CHECK(told.item(0).at("name") == "a");
  CHECK(told.item(2).at("error") == 8);
  const auto changes = at.control.instance_changes();
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].tags->how == edit_op::add);
  CHECK(changes[0].tags->values == std::vector<std::string>{"x"});
  CHECK(changes[1].env->members.at(0).name == "PATH");
  CHECK(changes[2].autokill_ms == 0);
}

TEST_CASE("templates have three properties that can be changed") {
  fixture at;
  at.prepared_template("web", template_phase::snapshotted);
  const auto patch = [&](const json& item) {
    auto body = item;
    body["name"] = "web";
    return at.call("PATCH", "/v1/instances/templates", json::array({body}).dump());
  };
  CHECK(patch({{"prop", "delete_lock"}, {"op", "set"}, {"value", true}}).status == 200);
  CHECK(patch({{"prop", "autokill"}, {"op", "set"}, {"value", {{"time_ms", 9}}}}).status == 200);
  CHECK(patch({{"prop", "tags"}, {"op", "set"}, {"value", {"a"}}}).status == 200);
  CHECK(at.control.template_changes().size() == 3);
  CHECK(patch({{"prop", "memory_mb"}, {"op", "set"}, {"value", 1}})
            .mentions("must be 'tags', 'delete_lock' or 'autokill'"));
}

TEST_CASE("PATCH items that cannot be are refused by name, and nothing is changed") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto check = [&](json item, const std::string& part) {
    item["name"] = "a";
    const auto told = at.call("PATCH", "/v1/instances", json::array({item}).dump());
    INFO(item.dump() << " " << told.text);
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check({{"prop", "tags"}, {"value", {"x"}}}, "'[0].op' is required");
  check({{"prop", "tags"}, {"op", "flip"}, {"value", {"x"}}}, "'[0].op' must be");
  check({{"prop", "tags"}, {"op", "set"}}, "'[0].value' is required");
  check({{"op", "set"}, {"value", 1}}, "'[0].prop' is required");
  check({{"prop", "roms"}, {"op", "set"}, {"value", 1}}, "'roms' is not supported yet");
  check({{"prop", "memory_mb"}, {"op", "add"}, {"value", 256}}, "must be 'set'");
  check({{"prop", "memory_mb"}, {"op", "set"}, {"value", "big"}}, "'[0].value' must be");
  check({{"prop", "image"}, {"op", "set"}, {"value", " "}}, "'[0].value' must be an image name");
  CHECK(at.call("PATCH", "/v1/instances", "").status == 400);
  CHECK(at.control.instance_changes().empty());
}

TEST_CASE("a locked instance is an item's error 14") {
  fixture at;
  at.instance("a", instance_phase::running);
  at.control.refuse_next({platen::actors::rejection::kind::locked, "Deletion protection enabled"});
  const auto told = at.call("DELETE", "/v1/instances", R"([{"name":"a"}])");
  CHECK(told.status == 200);
  CHECK(told.item().at("error") == 14);
  CHECK(told.item().at("message") == "Deletion protection enabled");
}
