// What scopes do not share although they ask for the same: preparations, keys, domains, memory.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "world.hpp"

using namespace platen;
using namespace platen::testing;

namespace {

std::vector<std::string> fqdns(const json& of) {
  std::vector<std::string> all;
  for (const auto& one : of.at("domains"))
    all.push_back(one.at("fqdn"));
  return all;
}

// The names that the log has for entities of an event type.
std::set<std::string> logged_names(const scopes_world& in) {
  std::set<std::string> names;
  REQUIRE(in.log.read_all(0, [&](const events::envelope& event) {
    if (const auto* one = std::get_if<events::instance_requested>(&event.what))
      names.insert(one->name);
    if (const auto* one = std::get_if<events::template_requested>(&event.what))
      names.insert(one->name);
    if (const auto* one = std::get_if<events::service_group_requested>(&event.what))
      names.insert(one->name);
    return true;
  }));
  return names;
}

}  // namespace

TEST_CASE("the same template asked for in two scopes at once is prepared twice, in each once") {
  const scopes_world all;
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i)
      clients.emplace_back([&, i] {
        const auto name = "one-" + std::to_string(i / 2);
        (void)all.post(i % 2 == 0 ? red : blue, "/v1/instances", from_template(name, "warm"));
      });
  }
  CHECK(all.count_events("PreparationStarted") == 2);
  CHECK(all.count_events("InstanceRunning") + all.count_events("InstanceCloneStarted") >= 8);
  const auto of_red = all.get(red, "/v1/instances/templates").item();
  const auto of_blue = all.get(blue, "/v1/instances/templates").item();
  CHECK(of_red.at("uuid") != of_blue.at("uuid"));
  CHECK(of_red.at("snapshot").at("uuid") != of_blue.at("snapshot").at("uuid"));
  CHECK(of_red.at("clone_count") == 4);
  CHECK(of_blue.at("clone_count") == 4);
}

TEST_CASE("the log has names with their scopes, and the operator's as they always were") {
  const scopes_world all;
  for (const auto& token : {operators, red})
    all.create(token, from_template("one", "warm"));
  all.make_service(red, {{"name", "site"}, {"services", {https_service}}});
  CHECK(logged_names(all) ==
        std::set<std::string>{"one", "warm", "red/one", "red/warm", "red/site"});
}

TEST_CASE("each level of a nested template belongs to the scope that asks") {
  const scopes_world all;
  json body = from_template("one", "outer");
  body["template"]["create_args"] = from_template("", "inner");
  for (const auto* member : {"name", "autostart", "timeout_s"})
    body["template"]["create_args"].erase(member);
  const auto of_red = all.create(red, body);
  const auto of_blue = all.create(blue, body);
  CHECK(all.count_events("PreparationStarted") == 4);
  const auto outer = all.get(red, "/v1/instances/templates?name=outer").item();
  CHECK(outer.at("template").at("name") == "inner");
  const auto history =
      first_item(all.get(red, "/v1/instances/" + of_red.at("uuid").get<std::string>() + "/history"))
          .at("history");
  REQUIRE(history.size() == 2);
  CHECK(history.at(0).at("name") == "outer");
  CHECK(history.at(1).at("name") == "inner");
  CHECK(of_blue.at("template").at("uuid") != of_red.at("template").at("uuid"));
  // The same request again says the same about itself: nothing differs.
  body["name"] = "two";
  const auto again = all.post(red, "/v1/instances", body);
  CHECK(again.body.value("warnings", json()) == json());
}

TEST_CASE("a warning names a template as the scope does") {
  const scopes_world all;
  all.create(red, from_template("one", "warm"));
  auto other = from_template("two", "warm");
  other["template"]["create_args"]["memory_mb"] = 256;
  const auto made = all.post(red, "/v1/instances", other);
  REQUIRE(made.body.contains("warnings"));
  CHECK(made.body.at("warnings").at(0).at("message") ==
        "template 'warm' exists with other create_args: 'memory_mb' differ and the template's own "
        "are used");
}

TEST_CASE("what nobody named belongs to the scope that made it, and stays without a name") {
  scopes_world all;
  const auto plain = all.create(red, {{"image", "demo"}});
  CHECK(plain.at("name").get<std::string>().starts_with("instance-"));
  const auto group = all.make_service(red, {{"services", {https_service}}});
  CHECK(group.at("name").get<std::string>().starts_with("service-"));
  all.vms->timing.warm_up_ms = 3'600'000;
  for (const auto& token : {red, blue}) {
    auto anonymous = from_template("of-nobody", "");
    anonymous["template"].erase("name");
    anonymous["timeout_s"] = 0;
    const auto made = all.create(token, anonymous);
    CHECK(made.at("template").at("name") == "");
    const auto seen = all.get(token, "/v1/instances/templates").item();
    CHECK(seen.at("name") == "");
    CHECK(seen.at("uuid") == made.at("template").at("uuid"));
  }
  CHECK(all.names(operators, "/v1/instances/templates", "instances").empty());
  CHECK(all.names(red, "/v1/instances/templates", "instances").size() == 1);
}

TEST_CASE("an anonymous template of a scope goes with its clone") {
  const scopes_world all;
  auto anonymous = from_template("one", "");
  anonymous["template"].erase("name");
  CHECK(all.create(red, anonymous).at("state") == "running");
  auto second = anonymous;
  second["name"] = "two";
  all.create(red, second);
  CHECK(all.count_events("PreparationStarted") == 2);
  CHECK(all.count_events("TemplateDeleted") == 2);
}

TEST_CASE("replicas, and instances that become templates, keep to their scope") {
  const scopes_world all;
  all.create(red, {{"name", "many"}, {"image", "demo"}, {"replicas", 2}});
  auto names = all.names(red, "/v1/instances", "instances");
  std::sort(names.begin(), names.end());  // they may be of one microsecond
  CHECK(names == std::vector<std::string>{"many", "many-1", "many-2"});
  const auto made = all.post(red, "/v1/instances/templates", json::array({{{"name", "many-1"}}}));
  CHECK(made.body.at("status") == "success");
  CHECK(all.names(red, "/v1/instances/templates", "instances") ==
        std::vector<std::string>{"many-1"});
  CHECK(all.names(operators, "/v1/instances/templates", "instances").empty());
  const auto changed = all.call(
      red, "PATCH", "/v1/instances",
      json::array({{{"name", "many"}, {"prop", "tags"}, {"op", "set"}, {"value", {"t"}}}}));
  CHECK(changed.item().at("name") == "many");
}

TEST_CASE("a failure names templates as the scope does") {
  scopes_world all;
  all.vms->plan = [](const auto&) { return hypervisor::sim_fault::image_missing; };
  json body = from_template("one", "outer");
  body["template"]["create_args"] = {{"template", body["template"]}};
  body["template"]["create_args"]["template"]["name"] = "inner";
  const auto failed = all.post(red, "/v1/instances", body);
  CHECK(failed.item().at("error") == 10);
  CHECK(failed.mentions("template 'outer' was not prepared"));
  CHECK(failed.mentions("template 'inner'"));
  CHECK_FALSE(failed.mentions("red/"));
}

TEST_CASE("an Idempotency-Key is of the token that sends it") {
  scopes_world all;
  const json body{{"name", "one"}, {"image", "demo"}};
  const auto create = [&](const std::string& token) {
    return all.call(token, "POST", "/v1/instances", body, "the-key");
  };
  const auto of_red = create(red);
  const auto of_blue = create(blue);
  CHECK(of_blue.header("idempotent-replayed").empty());
  CHECK(of_red.item().at("uuid") != of_blue.item().at("uuid"));
  CHECK(create(red).text == of_red.text);
  // A deletion that is repeated finds what it deleted by the scope's name.
  const auto gone =
      all.call(red, "DELETE", "/v1/instances", json::array({{{"name", "one"}}}), "gone");
  CHECK(gone.body.at("status") == "success");
  CHECK(all.call(red, "DELETE", "/v1/instances", json::array({{{"name", "one"}}}), "gone").text ==
        gone.text);
  // The token goes to another scope: what it did in the first is not that one's.
  all.restart_with({{operators, ""}, {red, "green"}});
  const auto of_green = create(red);
  CHECK(of_green.header("idempotent-replayed").empty());
  CHECK(of_green.body.at("status") == "success");
  CHECK(of_green.item().at("uuid") != of_red.item().at("uuid"));
}

TEST_CASE("domains of a scope are below the scope's own, so that names of two never meet") {
  const scopes_world all;
  const json site{{"name", "site"}, {"services", {https_service}}};
  CHECK(fqdns(all.make_service(operators, site)) == std::vector<std::string>{"site.localhost"});
  CHECK(fqdns(all.make_service(red, site)) == std::vector<std::string>{"site.red.localhost"});
  CHECK(fqdns(all.make_service(blue, site)) == std::vector<std::string>{"site.blue.localhost"});
  // What the operator calls like a scope's name does not meet it either.
  CHECK(fqdns(all.make_service(operators, {{"name", "red-site"}, {"services", {https_service}}})) ==
        std::vector<std::string>{"red-site.localhost"});
  const auto inline_one = all.create(
      red,
      {{"name", "app"}, {"image", "demo"}, {"service_group", {{"services", {https_service}}}}});
  CHECK(inline_one.at("service_group").at("name") == "app");
  CHECK(fqdns(inline_one.at("service_group")) == std::vector<std::string>{"app.red.localhost"});
}

TEST_CASE("a scope has no domain below that of another, nor of the operator") {
  const scopes_world all;
  const auto with_domain = [](const std::string& name) {
    return json{{"services", {https_service}}, {"domains", {{{"name", name}}}}};
  };
  CHECK(fqdns(all.make_service(red, with_domain("a"))) ==
        std::vector<std::string>{"a.red.localhost"});
  CHECK(fqdns(all.make_service(red, with_domain("b.blue"))) ==
        std::vector<std::string>{"b.blue.red.localhost"});
  CHECK(fqdns(all.make_service(red, with_domain("c.red.localhost."))) ==
        std::vector<std::string>{"c.red.localhost"});
  CHECK(fqdns(all.make_service(red, with_domain("shop.test."))) ==
        std::vector<std::string>{"shop.test"});
  for (const auto& name : {"b.blue.localhost.", "site.localhost.", "localhost.", "*.localhost.",
                           "red.localhost.", "*.blue.localhost."}) {
    INFO(name);
    const auto refused = all.post(red, "/v1/services", with_domain(name));
    CHECK(first_item(refused).at("error") == 7);
    CHECK(refused.mentions("is not below 'red.localhost'"));
  }
  const auto group = all.make_service(red, with_domain("d"));
  const auto changed =
      all.call(red, "PATCH", "/v1/services/" + group.at("uuid").get<std::string>(),
               {{"prop", "domains"}, {"op", "add"}, {"value", {{{"name", "x.blue.localhost."}}}}});
  CHECK(first_item(changed).at("error") == 7);
}

TEST_CASE("a certificate is given to domains of its scope only") {
  const scopes_world all;
  all.make_certificate(blue, "papers", "*.shop.test");
  const json shop{
      {"name", "shop"}, {"services", {https_service}}, {"domains", {{{"name", "a.shop.test."}}}}};
  all.make_service(red, shop);
  CHECK(all.get(blue, "/v1/certificates").item(0, "certificates").at("domains").empty());
  const auto leaf = all.certificates->identity_for("a.shop.test", "", "red");
  REQUIRE(leaf);
  CHECK(leaf->renew_at_us != 0);  // of the local CA
  CHECK(all.certificates->identity_for("a.shop.test", "", "blue")->renew_at_us == 0);
  auto chosen = shop;
  chosen["name"] = "other";
  chosen["domains"] = {{{"name", "b.shop.test."}, {"certificate", {{"name", "papers"}}}}};
  CHECK(first_item(all.post(red, "/v1/services", chosen)).at("error") == 8);
  CHECK(first_item(all.post(blue, "/v1/services", chosen)).at("status") == "success");
}

TEST_CASE("a certificate may be chosen for a domain that the scope completes") {
  const scopes_world all;
  all.make_certificate(red, "papers", "*.red.localhost");
  const auto group = all.make_service(
      red, {{"name", "shop"},
            {"services", {https_service}},
            {"domains", {{{"name", "shop"}, {"certificate", {{"name", "papers"}}}}}}});
  CHECK(fqdns(group) == std::vector<std::string>{"shop.red.localhost"});
}

TEST_CASE("autoscale of a scope clones the scope's template") {
  const scopes_world all;
  all.create(operators, from_template("theirs", "warm"));
  const auto group = all.make_service(red, {{"name", "site"}, {"services", {https_service}}});
  const auto path = "/v1/services/" + group.at("uuid").get<std::string>() + "/autoscale";
  const json how{{"max_size", 2}, {"template", {{"name", "warm"}}}};
  CHECK(first_item(all.post(red, path, how)).at("error") == 8);
  all.create(red, from_template("ours", "warm"));
  const auto made = first_item(all.post(red, path, how));
  CHECK(made.at("template").at("name") == "warm");
  const auto group_now = all.control->find_group({group.at("uuid"), ""});
  REQUIRE(group_now->scaling);
  CHECK(group_now->scaling->template_name == "red/warm");
  const auto policy = all.post(red, path + "/policies", {{"name", "p"}, {"type", "on_demand"}});
  CHECK(first_item(policy).at("template").at("name") == "warm");
  CHECK(all.control->find_group({group.at("uuid"), ""})->scaling->template_name == "red/warm");
}

TEST_CASE("an instance of a scope is no clone of the factory's template") {
  scopes_world all;
  all.how.factory = {true, "demo:v1", 256, 1, 0};
  all.restart();
  REQUIRE(all.post(operators, "/v1/factory", json::object()).body.at("status") == "success");
  const json body{{"name", "one"}, {"image", "demo:v1"}, {"memory_mb", 256}, {"autostart", true}};
  CHECK(all.create(operators, body).contains("template"));
  CHECK_FALSE(all.create(red, body).contains("template"));
}

TEST_CASE("after a restart every scope has what it had, also under a new token") {
  scopes_world all;
  const auto of_red = all.create(red, from_template("one", "warm"));
  all.create(blue, from_template("one", "warm"));
  all.restart_with({{operators, ""}, {"the-next-token-of-red", "red"}});
  CHECK(all.get(red, "/v1/instances").status == 401);
  CHECK(all.get("the-next-token-of-red", "/v1/instances").item().at("uuid") == of_red.at("uuid"));
  const auto again = all.create("the-next-token-of-red", from_template("two", "warm"));
  CHECK(again.at("template").at("uuid") == of_red.at("template").at("uuid"));
  CHECK(all.count_events("PreparationStarted") == 2);
  CHECK(all.names(operators, "/v1/instances", "instances").empty());
  all.restart_with({{operators, ""}, {blue, "blue"}});
  CHECK(all.names(blue, "/v1/instances", "instances") == std::vector<std::string>{"one"});
}

TEST_CASE("an instance is waited for and read by the name that its scope has for it") {
  const scopes_world all;
  all.create(red, from_template("web.1", "warm"));
  const auto one = all.get(red, "/v1/instances?name=web.1").item();
  CHECK(one.at("state") == "running");
  const auto log = all.get(red, "/v1/instances/log?name=web.1");
  CHECK(log.item().at("name") == "web.1");
  CHECK(all.get(red, "/v1/instances/wait?name=web.1&state=running").item().at("name") == "web.1");
}
