// What tokens of one scope see of another: nothing.
#include <algorithm>
#include <catch2/catch.hpp>
#include <regex>
#include <set>

#include "world.hpp"

using namespace platen;
using namespace platen::testing;

namespace {

constexpr auto nobody = "99999999-9999-4999-8999-999999999999";

// One entity of each kind, with the same names in every scope.
struct belongings {
  json instance;
  json of_template;
  json service;
  json certificate;
};

belongings furnish(const scopes_world& in, const std::string& token) {
  belongings made;
  made.instance = in.create(token, from_template("one", "warm"));
  made.of_template = first_item(in.get(token, "/v1/instances/templates?name=warm"));
  made.service = in.make_service(token, {{"name", "site"}, {"services", {https_service}}});
  made.certificate = in.make_certificate(token, "papers", "*.shop.test");
  return made;
}

std::string uuid_of(const json& of) {
  return of.at("uuid");
}

// An answer without what is in it of the request and of the clock.
std::string without(const std::string& uuid, const answer& of) {
  auto text = of.text;
  for (auto at = text.find(uuid); at != std::string::npos; at = text.find(uuid, at))
    text.replace(at, uuid.size(), "UUID");
  static const std::regex time("\"op_time_us\":[0-9]+");
  return std::to_string(of.status) + " " + std::regex_replace(text, time, "");
}

struct probe {
  std::string method;
  std::string target;  // UUID stands for the one that is asked for
  json body = nullptr;
};

json with_uuid(const json& body, const std::string& uuid) {
  if (body.is_null()) return body;
  return json::parse(std::regex_replace(body.dump(), std::regex("UUID"), uuid));
}

answer ask(const scopes_world& in, const std::string& token, const probe& what,
           const std::string& uuid) {
  return in.call(token, what.method, std::regex_replace(what.target, std::regex("UUID"), uuid),
                 with_uuid(what.body, uuid));
}

const json lock{{"prop", "delete_lock"}, {"op", "set"}, {"value", true}};
const json by_uuid = json::array({{{"uuid", "UUID"}}});

const std::vector<probe> about_instances{
    {"GET", "/v1/instances/UUID"},
    {"GET", "/v1/instances?uuid=UUID"},
    {"GET", "/v1/instances", by_uuid},
    {"GET", "/v1/instances/UUID/wait?state=running&timeout_s=60"},
    {"POST", "/v1/instances/UUID/wait", {{"state", "deleted"}, {"timeout_s", 60}}},
    {"GET", "/v1/instances/UUID/log"},
    {"GET", "/v1/instances/UUID/history"},
    {"GET", "/v1/instances/UUID/metrics"},
    {"POST", "/v1/instances/UUID/metrics"},
    {"PUT", "/v1/instances/UUID/start"},
    {"PUT", "/v1/instances/UUID/stop"},
    {"PUT", "/v1/instances/stop", by_uuid},
    {"PUT", "/v1/instances/UUID/suspend"},
    {"PATCH", "/v1/instances/UUID", lock},
    {"POST", "/v1/instances/templates", by_uuid},
    {"DELETE", "/v1/instances/UUID"},
    {"DELETE", "/v1/instances", by_uuid},
};

const std::vector<probe> about_templates{
    {"GET", "/v1/instances/templates/UUID"},
    {"GET", "/v1/instances/templates?uuid=UUID"},
    {"GET", "/v1/instances/templates/UUID/log"},
    {"PATCH", "/v1/instances/templates/UUID", lock},
    {"DELETE", "/v1/instances/templates/UUID"},
    {"POST", "/v1/instances", {{"name", "x"}, {"template", {{"uuid", "UUID"}}}}},
    {"POST",
     "/v1/instances",
     {{"template",
       {{"name", "outer"},
        {"prepare", true},
        {"create_args", {{"template", {{"uuid", "UUID"}}}}}}}}},
    {"POST", "/v1/services/autoscale",
     json::array({{{"name", "own"}, {"max_size", 1}, {"template", {{"uuid", "UUID"}}}}})},
};

const std::vector<probe> about_services{
    {"GET", "/v1/services/UUID"},
    {"GET", "/v1/services?uuid=UUID"},
    {"PATCH", "/v1/services/UUID", {{"prop", "hard_limit"}, {"op", "set"}, {"value", 1}}},
    {"GET", "/v1/services/UUID/autoscale"},
    {"POST", "/v1/services/UUID/autoscale", {{"max_size", 1}, {"template", {{"name", "warm"}}}}},
    {"DELETE", "/v1/services/UUID/autoscale"},
    {"GET", "/v1/services/UUID/autoscale/policies"},
    {"POST", "/v1/services/UUID/autoscale/policies", {{"name", "p"}, {"type", "on_demand"}}},
    {"DELETE", "/v1/services/UUID/autoscale/policies/p"},
    {"DELETE", "/v1/services/UUID"},
    {"POST", "/v1/instances", {{"image", "demo"}, {"service_group", {{"uuid", "UUID"}}}}},
};

const std::vector<probe> about_certificates{
    {"GET", "/v1/certificates/UUID"},
    {"GET", "/v1/certificates?uuid=UUID"},
    {"DELETE", "/v1/certificates/UUID"},
    {"POST",
     "/v1/services",
     {{"services", {https_service}},
      {"domains", {{{"name", "a.shop.test."}, {"certificate", {{"uuid", "UUID"}}}}}}}},
};

void expect_nothing_there(const scopes_world& in, const std::string& token,
                          const std::vector<probe>& probes, const std::string& uuid) {
  for (const auto& one : probes) {
    INFO(one.method << " " << one.target << " " << one.body.dump());
    const auto of_another = ask(in, token, one, uuid);
    CHECK(without(uuid, of_another) == without(nobody, ask(in, token, one, nobody)));
    CHECK(of_another.mentions(uuid));
  }
}

void expect_nothing_of(const scopes_world& in, const std::string& token, const belongings& others) {
  expect_nothing_there(in, token, about_instances, uuid_of(others.instance));
  expect_nothing_there(in, token, about_templates, uuid_of(others.of_template));
  expect_nothing_there(in, token, about_services, uuid_of(others.service));
  expect_nothing_there(in, token, about_certificates, uuid_of(others.certificate));
}

}  // namespace

TEST_CASE("every scope has names of its own, of every kind") {
  const scopes_world all;
  std::set<std::string> uuids;
  for (const auto& token : {operators, red, blue}) {
    const auto made = furnish(all, token);
    for (const auto& one : {made.instance, made.of_template, made.service, made.certificate})
      uuids.insert(uuid_of(one));
    CHECK(made.instance.at("name") == "one");
    CHECK(made.instance.at("template").at("name") == "warm");
    CHECK(made.certificate.at("name") == "papers");
  }
  CHECK(uuids.size() == 12);
  for (const auto& token : {operators, red, blue}) {
    using names = std::vector<std::string>;
    CHECK(all.names(token, "/v1/instances", "instances") == names{"one"});
    CHECK(all.names(token, "/v1/instances/templates", "instances") == names{"warm"});
    CHECK(all.names(token, "/v1/services", "service_groups") == names{"site"});
    CHECK(all.names(token, "/v1/certificates", "certificates") == names{"papers"});
  }
}

TEST_CASE("a name that is taken is so in its scope only, and is told as it was given") {
  const scopes_world all;
  all.create(red, {{"name", "one"}, {"image", "demo"}});
  const auto again = all.post(red, "/v1/instances", {{"name", "one"}, {"image", "demo"}});
  CHECK(again.item().at("error") == 23);
  CHECK(again.item().at("message") == "An instance with the name 'one' already exists");
  CHECK(all.create(blue, {{"name", "one"}, {"image", "demo"}}).at("name") == "one");
}

TEST_CASE("what a UUID of another scope is answered is what one is answered that nobody has") {
  const scopes_world all;
  const auto of_red = furnish(all, red);
  const auto of_operator = furnish(all, operators);
  for (const auto& token : {operators, red, blue})
    all.make_service(token, {{"name", "own"}, {"services", {https_service}}});
  const auto before = all.get(red, "/v1/instances").item();
  expect_nothing_of(all, blue, of_red);
  expect_nothing_of(all, operators, of_red);
  expect_nothing_of(all, red, of_operator);
  const auto after = all.get(red, "/v1/instances").item();
  CHECK(after.at("state") == before.at("state"));
  CHECK(after.at("delete_lock") == false);
  CHECK(all.get(red, "/v1/services?name=site").item(0, "service_groups").at("autoscale") == false);
  CHECK(all.names(red, "/v1/certificates", "certificates").size() == 1);
}

TEST_CASE("a name cannot leave its scope") {
  const scopes_world all;
  all.create(red, from_template("one", "warm"));
  for (const auto& name : {"red/one", "../one", "/one", "red/"}) {
    CHECK(all.get(operators, "/v1/instances?name=" + std::string(name)).status == 400);
    CHECK(all.post(operators, "/v1/instances", {{"name", name}, {"image", "demo"}}).status == 400);
    CHECK(all.post(operators, "/v1/instances", {{"template", {{"name", name}}}}).status == 400);
    CHECK(all.post(operators, "/v1/services", {{"name", name}, {"services", {https_service}}})
              .status == 400);
    CHECK(all.post(operators, "/v1/certificates", {{"name", name}, {"chain", "c"}, {"pkey", "k"}})
              .status == 400);
  }
  CHECK(all.get(operators, "/v1/instances?name=one").item().at("error") == 8);
  CHECK(all.get(blue, "/v1/instances/templates?name=warm").item().at("error") == 8);
}

TEST_CASE("pages, cursors and counts are of the scope's own") {
  const scopes_world all;
  const auto first = all.create(red, {{"name", "a"}, {"image", "demo"}, {"tags", {"t"}}});
  const auto foreign = all.create(blue, {{"name", "b"}, {"image", "demo"}, {"tags", {"t"}}});
  all.create(red, {{"name", "c"}, {"image", "demo"}, {"tags", {"t"}}});
  using names = std::vector<std::string>;
  CHECK(all.names(red, "/v1/instances?tags=t", "instances") == names{"a", "c"});
  CHECK(all.names(red, "/v1/instances?count=2", "instances") == names{"a", "c"});
  CHECK(all.names(red, "/v1/instances?from=" + uuid_of(first), "instances") == names{"a", "c"});
  CHECK(all.names(red, "/v1/instances?from=" + uuid_of(foreign), "instances") == names{});
  const auto metrics = all.get(red, "/v1/instances/metrics");
  CHECK(metrics.mentions("name=\"a\""));
  CHECK(metrics.mentions("name=\"c\""));
  CHECK_FALSE(metrics.mentions("name=\"b\""));
}

TEST_CASE("quotas tell what the scope has, whichever of its tokens asks") {
  const scopes_world all;
  furnish(all, red);
  all.create(red, {{"name", "two"}, {"image", "demo"}});
  const auto of = [&](const std::string& token) {
    return all.get(token, "/v1/users/quotas").item(0, "quotas");
  };
  CHECK(of(red).at("used").at("instances") == 2);
  CHECK(of(red).at("used").at("service_groups") == 1);
  CHECK(of("second-" + red) == of(red));
  CHECK(of(blue).at("used").at("instances") == 0);
  CHECK(of(operators).at("used").at("service_groups") == 0);
  CHECK(of(blue).at("uuid") != of(red).at("uuid"));
}

TEST_CASE("what is about the whole host takes the operator's token") {
  const scopes_world all;
  const std::vector<probe> of_the_host{
      {"GET", "/v1/events"},
      {"GET", "/v1/events?follow=true"},
      {"GET", "/v1/audit"},
      {"GET", "/v1/metrics"},
      {"GET", "/v1/factory"},
      {"POST", "/v1/factory"},
      {"DELETE", "/v1/factory"},
      {"DELETE", "/v1/images", {{"url", "demo"}}},
      {"POST", "/v1/images/import?name=demo", "no archive"},
  };
  for (const auto& one : of_the_host) {
    INFO(one.method << " " << one.target);
    const auto refused = all.call(red, one.method, one.target, one.body);
    CHECK(refused.status == 403);
    CHECK(refused.mentions("'red'"));
    CHECK(refused.mentions("operator's token"));
  }
  CHECK(all.images.list().empty());
  CHECK(all.get(operators, "/v1/metrics").status == 200);
  CHECK(all.get(operators, "/v1/events").status == 200);
  CHECK(all.call("nobody's", "GET", "/v1/events").status == 401);
}

TEST_CASE("each route is for the operator alone or keeps to the scope") {
  const scopes_world all;
  // A route that is added later has to be looked at here, or it is refused.
  std::set<std::string> refused;
  for (const auto& route : all.server->routes()) {
    const auto method = route.substr(0, route.find(' '));
    auto target = route.substr(route.find(' ') + 1);
    target = std::regex_replace(target, std::regex("\\{name\\}"), "p");
    target = std::regex_replace(target, std::regex("\\{[a-z]+\\}"), nobody);
    if (all.call(red, method, target).status == 403) refused.insert(route);
  }
  CHECK(refused == std::set<std::string>{"GET /v1/events", "GET /v1/audit", "GET /v1/metrics",
                                         "GET /v1/factory", "POST /v1/factory",
                                         "DELETE /v1/factory", "DELETE /v1/images",
                                         "POST /v1/images/import"});
}

TEST_CASE("scopes may read which images there are, and what signs the gateway's certificates") {
  scopes_world all;
  hypervisor::image_config none;
  std::ofstream(all.directory.path() / "archive") << "content";
  REQUIRE(all.images.import("demo:v1", all.directory.path() / "archive", none));
  CHECK(all.get(red, "/v1/images").item(0, "images").at("url") == "demo:v1");
  CHECK(all.get(red, "/v1/certificates/local-ca").item(0, "certificates").at("chain") ==
        all.get(operators, "/v1/certificates/local-ca").item(0, "certificates").at("chain"));
}

TEST_CASE("the metrics of the daemon count all scopes") {
  const scopes_world all;
  all.create(red, {{"image", "demo"}});
  all.create(operators, {{"image", "demo"}});
  CHECK(all.get(operators, "/v1/metrics").mentions("platen_instances{lifecycle=\"stopped\"} 2"));
}
