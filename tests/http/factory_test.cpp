// /v1/factory, and what is said of disks.
#include <catch2/catch.hpp>
#include <future>

#include "fixture.hpp"

using namespace platen::testing;

namespace {

platen::actors::factory_settings enabled() {
  platen::actors::factory_settings how;
  how.enabled = true;
  how.image = "demo";
  return how;
}

const std::string list = "factories";

}  // namespace

TEST_CASE("a factory that is not enabled says so, and is not initialized") {
  const fixture with;
  const auto shown = with.get("/v1/factory").item(0, list);
  CHECK(shown.at("state") == "off");
  CHECK(shown.at("reason") == "not_enabled");
  const auto refused = with.post("/v1/factory", json::object());
  CHECK(refused.item(0, list).at("error") == 11);
  CHECK(refused.mentions("enable_template"));
}

TEST_CASE("init waits for the template, and the factory is on then") {
  fixture with;
  with.use_factory(enabled());
  CHECK(with.get("/v1/factory").item(0, list).at("reason") == "not_prepared");
  auto client = std::async(std::launch::async, [&] { return with.call("POST", "/v1/factory"); });
  with.control.await_waiters(1);
  CHECK(with.get("/v1/factory").item(0, list).at("reason") == "preparing");
  with.control.enter_template("vm-factory", template_phase::snapshotted);
  const auto told = client.get().item(0, list);
  CHECK(told.at("state") == "on");
  CHECK(told.at("image") == "demo");
  CHECK_FALSE(told.contains("why"));
}

TEST_CASE("a failed init is a failed item with stage and reason, a short one times out") {
  fixture with;
  with.use_factory(enabled());
  const auto at_once = with.post("/v1/factory", {{"timeout_s", 0}});
  CHECK(at_once.item(0, list).at("reason") == "preparing");
  with.control.change_template("vm-factory", [](auto& state) {
    state.phase = template_phase::preparation_failed;
    state.last_failure.emplace();
    state.last_failure->stage = "boot";
    state.last_failure->reason = "no kernel";
  });
  const auto failed = with.call("POST", "/v1/factory");
  CHECK(failed.item(0, list).at("error") == 10);
  CHECK(failed.mentions("boot: no kernel"));
  CHECK(with.get("/v1/factory").item(0, list).at("reason") == "failed");
}

TEST_CASE("a template of another configuration is made anew by init") {
  fixture with;
  with.use_factory(enabled());
  with.post("/v1/factory", {{"timeout_s", 0}});
  with.control.enter_template("vm-factory", template_phase::snapshotted);
  auto more = enabled();
  more.memory_mb = 512;
  with.use_factory(more);
  const auto stale = with.get("/v1/factory").item(0, list);
  CHECK(stale.at("reason") == "stale");
  const auto again = with.post("/v1/factory", {{"timeout_s", 0}}).item(0, list);
  CHECK(again.at("reason") == "preparing");
  CHECK(again.at("template").at("uuid") != stale.at("template").at("uuid"));
}

TEST_CASE("destroy says whether there was anything") {
  fixture with;
  with.use_factory(enabled());
  CHECK(with.call("DELETE", "/v1/factory").item(0, list).at("destroyed") == false);
  with.post("/v1/factory", {{"timeout_s", 0}});
  CHECK(with.call("DELETE", "/v1/factory").item(0, list).at("destroyed") == true);
  CHECK(with.get("/v1/factory").item(0, list).at("reason") == "not_prepared");
}

TEST_CASE("requests about the factory are as strict as others") {
  fixture with;
  with.use_factory(enabled());
  CHECK(with.get("/v1/factory?name=x").status == 400);
  CHECK(with.call("POST", "/v1/factory", R"({"timeout_s": -2})").status == 400);
  CHECK(with.call("POST", "/v1/factory", R"([])").status == 400);
}

TEST_CASE("disk use is shown of templates, and in the metrics of instances") {
  fixture with;
  with.control.disk = {{"memory", {1000, 400, 0}}, {"base", {2000, 512, 512}}, {"base", {1, 1, 0}}};
  with.prepared_template("web", template_phase::snapshotted);
  const auto use = with.get("/v1/instances/templates?name=web").item().at("disk_use");
  CHECK(use.at("logical_bytes") == 3001);
  CHECK(use.at("allocated_bytes") == 913);
  CHECK(use.at("shared_bytes") == 512);
  CHECK(use.at("parts").at("base").at("allocated_bytes") == 513);
  with.instance("one", instance_phase::running);
  CHECK(with.get("/v1/instances/metrics?name=one").mentions("instance_disk_allocated_bytes{"));
  const auto metrics =
      with.call("GET", "/v1/instances/metrics?name=one", "", {{"Accept", "application/json"}});
  CHECK(metrics.item().at("disk_shared_bytes") == 512);
}
