// GET of instances and templates.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;

namespace {

std::vector<std::string> names(const answer& told) {
  std::vector<std::string> all;
  for (const auto& item : told.body.at("data").at("instances"))
    all.push_back(item.at("name"));
  return all;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("an instance is found by path, by query and by body") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  for (const auto& told :
       {at.get("/v1/instances/" + uuid), at.get("/v1/instances?uuid=" + uuid),
        at.get("/v1/instances?name=a"), at.get("/v1/instances?name=a&details=true"),
        at.get("/v1/instances", R"([{"name":"a"}])"), at.get("/v1/instances", R"({"name":"a"})"),
        at.get("/v1/instances", R"([{"uuid":")" + uuid + R"("}])")}) {
    CHECK(told.status == 200);
    CHECK(told.body.at("status") == "success");
    CHECK(told.body.at("data").at("instances").size() == 1);
    CHECK(told.item().at("uuid") == uuid);
    CHECK(told.item().at("state") == "running");
  }
}

TEST_CASE("what is not there is 200 with code 8 and the reference") {
  fixture at;
  const auto by_name = at.get("/v1/instances?name=nope");
  CHECK(by_name.status == 200);
  CHECK(by_name.body.at("status") == "error");
  CHECK(by_name.message() == "Failed to perform all operations");
  CHECK_FALSE(by_name.body.contains("errors"));
  CHECK(by_name.item() == json{{"status", "error"},
                               {"name", "nope"},
                               {"message", "No instance with name 'nope'"},
                               {"error", 8}});
  const std::string uuid = "00000000-0000-4000-8000-00000000000A";
  CHECK(at.get("/v1/instances/" + uuid).item().at("message") ==
        "No instance with uuid '00000000-0000-4000-8000-00000000000a'");
  CHECK(at.get("/v1/instances/templates?name=nope").item().at("message") ==
        "No instance template with name 'nope'");
}

TEST_CASE("several references are answered in their order, some found and some not") {
  fixture at;
  at.instance("a", instance_phase::running);
  at.instance("b", instance_phase::stopped);
  const auto told = at.get("/v1/instances", R"([{"name":"b"},{"name":"x"},{"name":"a"}])");
  CHECK(told.body.at("status") == "partial_success");
  CHECK(names(told) == list{"b", "x", "a"});
  CHECK(told.item(1).at("error") == 8);
}

TEST_CASE("references that cannot be are refused") {
  fixture at;
  const auto check = [&](const answer& told, const std::string& part) {
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check(at.get("/v1/instances/a"), "Invalid uuid 'a'");
  check(at.get("/v1/instances?uuid=a"), "Invalid uuid 'a'");
  check(at.get("/v1/instances", R"([{"uuid":"a"}])"), "Invalid uuid 'a'");
  check(at.get("/v1/instances?name=a%20b"), "'name' must be");
  check(at.get("/v1/instances", "[{}]"), "exactly one of '[0].uuid' and '[0].name'");
  check(at.get("/v1/instances?name=a", R"([{"name":"a"}])"), "together with a request body");
  check(at.get("/v1/instances", R"([{"name":"a","x":1}])"), "'[0].x' is not a valid member");
  check(at.get("/v1/instances?nmae=a"), "'nmae' is not a valid parameter");
  check(at.get("/v1/instances?tags=a,,b"), "'tags'");
  check(at.get("/v1/instances?name=a&count=1"), "cannot be given with references");
  const std::string uuid = "00000000-0000-4000-8000-000000000001";
  check(at.get("/v1/instances/" + uuid + "?name=a"), "the path names the target");
  check(at.get("/v1/instances/" + uuid, R"({"name":"a"})"), "the path names the target");
  check(at.get("/v1/instances/" + uuid, "[]"), "exactly one item");
}

TEST_CASE("a list is oldest first and can be turned around and cut into pages") {
  fixture at;
  list uuids;
  for (const std::string name : {"a", "b", "c", "d"})
    uuids.push_back(at.instance(name, instance_phase::running));
  CHECK(names(at.get("/v1/instances")) == list{"a", "b", "c", "d"});
  CHECK(names(at.get("/v1/instances", "[]")) == list{"a", "b", "c", "d"});
  CHECK(names(at.get("/v1/instances?order=desc&sortby=create_time")) == list{"d", "c", "b", "a"});
  CHECK(names(at.get("/v1/instances?count=2")) == list{"a", "b"});
  CHECK(names(at.get("/v1/instances?count=0")).size() == 4);
  // The cursor is inclusive.
  CHECK(names(at.get("/v1/instances?count=2&from=" + uuids[1])) == list{"b", "c"});
  CHECK(names(at.get("/v1/instances?order=desc&from=" + uuids[1])) == list{"b", "a"});
  const auto moment = at.get("/v1/instances?name=c").item().at("created_at").get<std::string>();
  CHECK(names(at.get("/v1/instances?from=" + moment)) == list{"c", "d"});
  CHECK(names(at.get("/v1/instances?order=desc&from=" + moment)) == list{"c", "b", "a"});
}

TEST_CASE("a list is cut down to what has all the tags, however they are sent") {
  fixture at;
  for (const std::string name : {"a", "b", "c"})
    at.instance(name, instance_phase::running);
  at.control.change("a", [](auto& one) { one.spec.tags = {"x", "y"}; });
  at.control.change("b", [](auto& one) { one.spec.tags = {"x"}; });
  CHECK(names(at.get("/v1/instances?tags=x")) == list{"a", "b"});
  CHECK(names(at.get("/v1/instances?tags=x,y")) == list{"a"});
  CHECK(names(at.get("/v1/instances?tags=x&tags=y")) == list{"a"});
  CHECK(names(at.get("/v1/instances?tags=z")).empty());
}

TEST_CASE("a cursor that names nobody gives an empty page") {
  fixture at;
  at.instance("a", instance_phase::running);
  const auto told = at.get("/v1/instances?from=00000000-0000-4000-8000-0000000000ff");
  CHECK(told.body.at("status") == "success");
  CHECK(told.body.at("data").at("instances").empty());
}

TEST_CASE("paging parameters are checked") {
  fixture at;
  for (const std::string query : {"count=-1", "count=x", "count=1&count=2", "order=up",
                                  "sortby=name", "from=yesterday", "details=maybe"})
    CHECK(at.get("/v1/instances?" + query).status == 400);
}

TEST_CASE("without details only uuid and name are told") {
  fixture at;
  const auto uuid = at.instance("a", instance_phase::running);
  CHECK(at.get("/v1/instances?details=false").item() ==
        json{{"status", "success"}, {"uuid", uuid}, {"name", "a"}});
}

TEST_CASE("a running instance shows its VM, its services and its times") {
  fixture at;
  const json group = {{"services", {{{"port", 443}, {"destination_port", 8080}}}}};
  at.post("/v1/instances", {{"name", "a"}, {"image", "demo"}, {"service_group", group}});
  at.control.change("a", [](platen::actors::instance::state& one) {
    one.phase = instance_phase::running;
    one.accelerator = "tcg";
    one.pid = 4711;
    one.generation_id = "g";
    one.attempt = 3;
    one.start_count = 2;
    one.requested_us = 1'700'000'000'000'000;
    one.started_us = 1'700'000'000'250'000;
    one.phase_since_us = one.started_us;
    one.spec.services[0].host_port = 40001;
  });
  const auto item = at.get("/v1/instances?name=a").item();
  CHECK(item.at("accelerator") == "tcg");
  CHECK(item.at("pid") == 4711);
  CHECK(item.at("generation_id") == "g");
  CHECK(item.at("attempt") == 3);
  CHECK(item.at("start_count") == 2);
  CHECK(item.at("boot_time_us") == 250'000);
  CHECK(item.at("started_at") == "2023-11-14T22:13:20Z");
  CHECK(item.at("lifecycle_since") == "2023-11-14T22:13:20.250000Z");
  CHECK(item.at("uptime_ms") > 0);
  CHECK(item.at("services").at(0).at("address") == "127.0.0.1:40001");
}

TEST_CASE("an ended instance shows why") {
  fixture at;
  at.instance("a", instance_phase::running);
  at.control.change("a", [](platen::actors::instance::state& one) {
    one.phase = instance_phase::stopped;
    one.last_stop = platen::actors::instance::stop_facts{false, true, 3, "exited"};
  });
  auto item = at.get("/v1/instances?name=a").item();
  CHECK(item.at("stop_reason") == 3);
  CHECK(item.at("exit_code") == 3);
  at.control.change("a", [](platen::actors::instance::state& one) {
    one.last_stop->by_user = true;
    one.force_stop = true;
  });
  CHECK(at.get("/v1/instances?name=a").item().at("stop_reason") == 28);
}

TEST_CASE("every instance lifecycle has its public state") {
  fixture at;
  at.instance("a", instance_phase::stopped);
  const std::map<instance_phase, std::string> expected = {
      {instance_phase::waiting_for_template, "starting"},
      {instance_phase::cloning, "starting"},
      {instance_phase::booting, "starting"},
      {instance_phase::running, "running"},
      {instance_phase::stopping, "stopping"},
      {instance_phase::stopped, "stopped"},
      {instance_phase::failed, "stopped"}};
  for (const auto& [phase, state] : expected) {
    at.control.enter("a", phase);
    const auto item = at.get("/v1/instances?name=a").item();
    CHECK(item.at("state") == state);
    CHECK(item.at("lifecycle") == platen::actors::instance::to_string(phase));
  }
}

TEST_CASE("every template lifecycle has its public state") {
  fixture at;
  at.prepared_template("t", template_phase::requested);
  const std::map<template_phase, std::string> expected = {
      {template_phase::requested, "starting"},
      {template_phase::preparing, "starting"},
      {template_phase::awaiting_guest_signal, "running"},
      {template_phase::snapshotting, "stopping"},
      {template_phase::snapshotted, "template"},
      {template_phase::preparation_failed, "stopped"}};
  for (const auto& [phase, state] : expected) {
    at.control.enter_template("t", phase);
    CHECK(at.get("/v1/instances/templates?name=t").item().at("state") == state);
  }
}

TEST_CASE("a template shows its snapshot, its clones and its failure") {
  fixture at;
  const auto uuid = at.prepared_template("t", template_phase::snapshotted);
  at.control.change_template("t", [](platen::actors::vm_template::state& one) {
    one.fingerprint = "f00";
    one.prepare_timeout_ms = 30'000;
    one.autokill_ms = 60'000;
    one.attempt = 2;
    one.clones_in_flight = {"x", "y"};
    one.clones_made = 7;
    one.last_clone_us = 1'700'000'000'000'000;
    one.ready = platen::actors::vm_template::snapshot{
        "s1", "tcg", "m", 1, 2, 3, one.created_us + 5'000'000};
  });
  const auto told = at.get("/v1/instances/templates/" + uuid);
  const auto& item = told.item();
  CHECK(item.at("uuid") == uuid);
  CHECK(item.at("lifecycle") == "cloning");
  CHECK(item.at("fingerprint") == "f00");
  CHECK(item.at("prepare_timeout_s") == 30);
  CHECK(item.at("template_autokill").at("time_ms") == 60'000);
  CHECK(item.at("clones_in_flight") == 2);
  CHECK(item.at("clone_count") == 7);
  CHECK(item.at("last_clone_at") == "2023-11-14T22:13:20.000000Z");
  CHECK(item.at("accelerator") == "tcg");
  CHECK(item.at("snapshot").at("uuid") == "s1");
  CHECK(item.at("snapshot").at("memory_bytes") == 1);
  CHECK(item.at("snapshot").at("state_bytes") == 2);
  CHECK(item.at("snapshot").at("disk_bytes") == 3);
  CHECK(item.at("template_time_us") == 5'000'000);
  CHECK_FALSE(item.contains("failure"));
  CHECK_FALSE(item.contains("warm"));
  CHECK(names(at.get("/v1/instances/templates")) == list{"t"});
  CHECK(names(at.get("/v1/instances")) == list{"for-t"});
}

TEST_CASE("a template with a snapshot shows how many clones of it are kept ready, where any are") {
  fixture at;
  at.prepared_template("t", template_phase::snapshotted);
  at.prepared_template("unready", template_phase::preparing);
  at.control.change_template("t", [](platen::actors::vm_template::state& one) {
    one.ready = platen::actors::vm_template::snapshot{"s1", "tcg", "m", 1, 2, 3, 4};
  });
  at.pool.limit_bytes = 1;
  const auto warm = [&](const std::string& name) {
    return at.get("/v1/instances/templates?name=" + name).item().value("warm", json());
  };
  CHECK(warm("t") == json{{"ready", 0}, {"wanted", 0}, {"taken", 0}, {"missed", 0}});
  at.pool.snapshots = {{"s0", 9, 9, 9, 9, 9, 9, "", 9}, {"s1", 3, 2, 1, 7, 5, 0, "", 80}};
  CHECK(warm("t") == json{{"ready", 2}, {"wanted", 3}, {"taken", 7}, {"missed", 5}});
  CHECK(warm("unready").is_null());
}
