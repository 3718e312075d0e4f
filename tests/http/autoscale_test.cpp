// /v1/services/…/autoscale: what is read, asked of the control plane and shown.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;

namespace {

std::string make_group(fixture& at) {
  const json https = {{"port", 443}, {"destination_port", 8080}};
  const auto made = at.post("/v1/services", {{"name", "web"}, {"services", {https}}});
  REQUIRE(made.status == 200);
  return made.item(0, "service_groups").at("uuid");
}

const json on_demand_template = {
    {"name", "warm"}, {"prepare", true}, {"create_args", {{"image", "demo:v1"}}}};

json autoscale() {
  return {
      {"min_size", 1},
      {"max_size", 4},
      {"warmup_time_ms", 1000},
      {"cooldown_time_ms", 2000},
      {"template", on_demand_template},
      {"policies",
       {{{"name", "more"}, {"type", "on_demand"}},
        {{"name", "fewer"}, {"type", "idle"}, {"idle_time_ms", 5000}},
        {{"name", "load"},
         {"type", "step"},
         {"metric", "inflight_reqs"},
         {"adjustment_type", "change"},
         {"steps",
          {{{"upper_bound", 5}, {"adjustment", 0}}, {{"lower_bound", 5}, {"adjustment", 2}}}}}}}};
}

}  // namespace

TEST_CASE("autoscale is configured together with the template it needs, shown and removed") {
  fixture at;
  const auto uuid = make_group(at);
  const auto path = "/v1/services/" + uuid + "/autoscale";
  CHECK(at.get(path).item(0, "service_groups").at("enabled") == false);

  const auto made = at.post(path, autoscale());
  REQUIRE(made.status == 200);
  const auto shown = made.item(0, "service_groups");
  CHECK(shown.at("status") == "success");
  CHECK(shown.at("enabled") == true);
  CHECK(shown.at("max_size") == 4);
  CHECK(shown.at("template").at("name") == "warm");
  CHECK(shown.at("policies").size() == 3);
  CHECK(shown.at("policies").at(2).at("steps").at(1) ==
        json{{"lower_bound", 5}, {"adjustment", 2}});
  CHECK(at.get("/v1/instances/templates?name=warm").item(0).at("status") == "success");
  CHECK(at.get(path).item(0, "service_groups") == shown);
  CHECK(at.get("/v1/services?name=web").item(0, "service_groups").at("autoscale") == true);

  CHECK(at.call("DELETE", path).item(0, "service_groups").at("enabled") == false);
  CHECK(at.call("DELETE", path).item(0, "service_groups").at("error") == 11);
}

TEST_CASE("autoscale has the form of the specification, too, and takes many groups") {
  fixture at;
  make_group(at);
  auto wanted = autoscale();
  wanted["name"] = "web";
  wanted["create_args"] = {
      {"template", on_demand_template},
      {"roms", {{{"name", "own"}, {"at", "/own"}, {"files", {{{"path", "a"}, {"data", "b"}}}}}}}};
  wanted.erase("template");
  const auto made = at.post("/v1/services/autoscale", json::array({wanted}));
  CHECK(made.item(0, "service_groups").at("enabled") == true);
  CHECK(at.get("/v1/services/autoscale?name=web").item(0, "service_groups").at("size") == 0);
  CHECK(at.get("/v1/services/autoscale?name=nobody").item(0, "service_groups").at("error") == 8);
}

TEST_CASE("policies of autoscale are added, replaced, shown and deleted one by one") {
  fixture at;
  const auto uuid = make_group(at);
  const auto path = "/v1/services/" + uuid + "/autoscale";
  CHECK(at.get(path + "/policies").status == 400);
  at.post(path, autoscale());
  const json other = {{"name", "fewer"}, {"type", "idle"}, {"idle_time_ms", 7}};
  CHECK(at.post(path + "/policies", other).status == 200);
  CHECK(at.get(path + "/policies/fewer").item(0, "policies").at("policy").at("idle_time_ms") == 7);
  CHECK(at.get(path + "/policies").body.at("data").at("policies").size() == 3);
  CHECK(at.call("DELETE", path + "/policies/fewer").status == 200);
  CHECK(at.get(path + "/policies/fewer").status == 404);
  CHECK(at.call("DELETE", path + "/policies/fewer").status == 404);
}

TEST_CASE("autoscale that is not understood is refused by its member") {
  fixture at;
  const auto path = "/v1/services/" + make_group(at) + "/autoscale";
  const auto refused = [&](const std::function<void(json&)>& change) {
    auto wanted = autoscale();
    change(wanted);
    const auto told = at.post(path, wanted);
    CHECK(told.status == 400);
    return told.message();
  };
  const auto has = [](const std::string& part) { return Catch::Matchers::Contains(part); };
  CHECK_THAT(refused([](json& a) { a.erase("max_size"); }), has("'max_size' is required"));
  CHECK_THAT(refused([](json& a) { a["max_size"] = 257; }), has("'max_size'"));
  CHECK_THAT(refused([](json& a) { a.erase("template"); }), has("'template' is required"));
  CHECK_THAT(refused([](json& a) { a["high_watermark"] = 0.5; }), has("'high_watermark'"));
  CHECK_THAT(refused([](json& a) { a["policies"][0]["type"] = "create"; }),
             has("'create' is not supported yet"));
  CHECK_THAT(refused([](json& a) { a["policies"][2]["metric"] = "cpu"; }),
             has("'policies[2].metric' 'cpu' is not supported yet"));
  CHECK_THAT(refused([](json& a) { a["policies"][1]["x"] = 1; }), has("'policies[1].x'"));
  auto gap = autoscale();
  gap["policies"][2]["steps"][1]["lower_bound"] = 6;
  CHECK(at.post(path, gap).item(0, "service_groups").at("error") == 7);
}
