// /v1/services: what is read, asked of the control plane and shown.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;

namespace {

const json https = {{"port", 443}, {"destination_port", 8080}};

std::string make(fixture& at, const std::string& name) {
  const auto made = at.post("/v1/services", {{"name", name}, {"services", {https}}});
  REQUIRE(made.status == 200);
  return made.item(0, "service_groups").at("uuid");
}

}  // namespace

TEST_CASE("a service group is created and shown") {
  fixture at;
  const auto made = at.post("/v1/services", {{"name", "web"},
                                             {"services", {https, {{"port", 80}}}},
                                             {"domains", {{{"name", "web"}}}},
                                             {"soft_limit", 2},
                                             {"hard_limit", 3},
                                             {"autokill", {{"time_ms", 5000}}}});
  CHECK(made.status == 200);
  const auto& item = made.item(0, "service_groups");
  CHECK(item.at("status") == "success");
  CHECK(item.at("persistent") == true);
  CHECK(item.at("autoscale") == false);
  CHECK(item.at("soft_limit") == 2);
  CHECK(item.at("hard_limit") == 3);
  CHECK(item.at("autokill") == json{{"time_ms", 5000}});
  CHECK(item.at("domains") == json::array({{{"fqdn", "web.localhost"}}}));
  CHECK(item.at("instances") == json::array());
  CHECK(item.at("services").at(0).at("handlers") == json{"tls", "http"});
  CHECK(item.at("services").at(1).at("handlers") == json{"http"});
  const auto uuid = item.at("uuid").get<std::string>();
  CHECK(at.get("/v1/services/" + uuid).item(0, "service_groups").at("name") == "web");
  CHECK(at.get("/v1/services?name=web").item(0, "service_groups").at("uuid") == uuid);
  CHECK(at.get("/v1/services?details=false").item(0, "service_groups") ==
        json{{"status", "success"}, {"uuid", uuid}, {"name", "web"}});
}

TEST_CASE("a service group that is not there has the API's words") {
  fixture at;
  const auto answer = at.get("/v1/services?name=nobody");
  CHECK(answer.status == 200);
  CHECK(answer.item(0, "service_groups").at("error") == 8);
  CHECK(answer.item(0, "service_groups").at("message") == "No service group with name 'nobody'");
}

TEST_CASE("a service group is changed item by item") {
  fixture at;
  const auto uuid = make(at, "web");
  const json changes = {
      {{"name", "web"}, {"prop", "hard_limit"}, {"op", "set"}, {"value", 9}, {"id", "a"}},
      {{"uuid", uuid}, {"prop", "services"}, {"op", "add"}, {"value", {{{"port", 80}}}}},
      {{"uuid", uuid}, {"prop", "services"}, {"op", "del"}, {"value", {443}}},
      {{"uuid", uuid}, {"prop", "autokill"}, {"op", "set"}, {"value", {{"time_ms", 7}}}},
      {{"name", "nobody"}, {"prop", "autokill"}, {"op", "del"}}};
  const auto answer = at.call("PATCH", "/v1/services", changes.dump());
  CHECK(answer.status == 200);
  CHECK(answer.body.at("status") == "partial_success");
  CHECK(answer.item(0, "service_groups").at("id") == "a");
  CHECK(answer.item(4, "service_groups").at("error") == 8);
  const auto now = at.get("/v1/services/" + uuid).item(0, "service_groups");
  CHECK(now.at("hard_limit") == 9);
  REQUIRE(now.at("services").size() == 1);
  CHECK(now.at("services").at(0).at("port") == 80);
  CHECK(now.at("autokill").at("time_ms") == 7);
  const json one = {{"prop", "soft_limit"}, {"op", "set"}, {"value", 4}};
  CHECK(at.call("PATCH", "/v1/services/" + uuid, one.dump()).status == 200);
  CHECK(at.get("/v1/services/" + uuid).item(0, "service_groups").at("soft_limit") == 4);
}

TEST_CASE("changes that are not understood refuse the whole request") {
  fixture at;
  make(at, "web");
  const auto check = [&](json change, const std::string& part) {
    change["name"] = "web";
    const auto told = at.call("PATCH", "/v1/services", json::array({change}).dump());
    INFO(change.dump());
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check({{"prop", "name"}, {"op", "set"}, {"value", "x"}}, "'[0].prop' must be one of services");
  check({{"prop", "soft_limit"}, {"op", "add"}, {"value", 1}}, "'[0].op' must be 'set' or 'del'");
  check({{"prop", "soft_limit"}, {"op", "set"}}, "'[0].value' is required");
  check({{"prop", "soft_limit"}, {"op", "set"}, {"value", 0}}, "'[0].value' must be an integer");
  check({{"prop", "services"}, {"op", "del"}, {"value", {"x"}}}, "must be ports");
  check({{"prop", "services"}, {"op", "set"}, {"value", {{{"port", 443}, {"handlers", {"tls"}}}}}},
        "of port 443 must have");
  check({{"prop", "hard_limit"}, {"op", "set"}, {"value", 1}, {"x", 1}}, "is not a valid member");
}

TEST_CASE("a service group is deleted, one in use is not") {
  fixture at;
  make(at, "web");
  at.control.refuse_next({platen::actors::rejection::kind::attached, "the service group has 1"});
  const auto used = at.call("DELETE", "/v1/services", R"([{"name": "web"}])");
  CHECK(used.item(0, "service_groups").at("error") == 15);
  const auto gone = at.call("DELETE", "/v1/services", R"([{"name": "web"}])");
  CHECK(gone.item(0, "service_groups").at("status") == "success");
  CHECK(at.get("/v1/services").body.at("data").at("service_groups").empty());
}

TEST_CASE("an instance can name its service group") {
  fixture at;
  const auto made =
      at.post("/v1/instances", {{"image", "demo"}, {"service_group", {{"name", "web"}}}});
  CHECK(made.status == 200);
  REQUIRE(at.control.creates().at(0).group);
  CHECK(at.control.creates().at(0).group->which.name == "web");
  CHECK_FALSE(at.control.creates().at(0).group->made);
}

TEST_CASE("without a gateway there are no certificates") {
  fixture at;
  CHECK(at.get("/v1/certificates").status == 501);
  CHECK(at.get("/v1/certificates/local-ca").status == 501);
}
