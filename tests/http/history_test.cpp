// Snapshots that instances descend from, quotas, and filters of images.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;
using phase = platen::actors::instance::lifecycle;
using template_phase = platen::actors::vm_template::lifecycle;

TEST_CASE("history names the snapshots an instance descends from, the newest first") {
  fixture with;
  const auto parent = with.prepared_template("base", template_phase::snapshotted);
  const auto child = with.prepared_template("web", template_phase::snapshotted);
  with.control.change_template("web", [&](auto& one) {
    one.parent_id = parent;
    one.parent_name = "base";
    one.ready.emplace().taken_us = 1'700'000'001'000'000;
  });
  with.instance("plain", phase::running);
  const auto told = with.get("/v1/instances/history?name=for-web&name=plain&name=nope");
  CHECK(told.body.at("status") == "partial_success");
  CHECK(told.item(0).at("history") ==
        json::array({{{"uuid", child}, {"name", "web"}, {"created_at", "2023-11-14T22:13:21Z"}},
                     {{"uuid", parent}, {"name", "base"}}}));
  CHECK(told.item(1).at("history") == json::array());
  CHECK(told.item(2).at("error") == 8);
  const auto uuid = told.item(0).at("uuid").get<std::string>();
  CHECK(with.get("/v1/instances/" + uuid + "/history").item().at("name") == "for-web");
}

TEST_CASE("history wants to be told of which instance") {
  const fixture with;
  CHECK(with.get("/v1/instances/history").status == 400);
}

TEST_CASE("quotas count what lives and what there is") {
  fixture with;
  CHECK(with.post("/v1/instances",
                  {{"name", "one"}, {"image", "demo"}, {"memory_mb", 512}, {"vcpus", 2}})
            .body.at("status") == "success");
  with.control.enter("one", phase::running);
  with.instance("two", phase::stopped);
  const auto told = with.get("/v1/users/quotas");
  const auto& used = told.item(0, "quotas").at("used");
  CHECK(used.at("instances") == 2);
  CHECK(used.at("live_instances") == 1);
  CHECK(used.at("live_vcpus") == 2);
  CHECK(used.at("live_memory_mb") == 512);
  CHECK(told.item(0, "quotas").at("limits").at("max_vcpus") == 8);
}

TEST_CASE("images are listed under their old names too, and by digest or tag") {
  const fixture with;
  for (const auto* name : {"team/demo:v1", "team/demo:v2", "host:5000/plain"})
    REQUIRE(with.call("POST", std::string("/v1/images/import?name=") + name, "tar").status == 200);
  const auto found = [&](const std::string& target) {
    return with.get(target).body.at("data").at("images").size();
  };
  for (const auto* path : {"/v1/images", "/v1/image-store", "/v1/images/list"})
    CHECK(found(path) == 3);
  CHECK(found("/v1/images?tag=v2") == 1);
  CHECK(found("/v1/images?tag=5000/plain") == 0);
  CHECK(found("/v1/images?digest=d1") == 3);
  CHECK(found("/v1/images?digest=d2") == 0);
}
