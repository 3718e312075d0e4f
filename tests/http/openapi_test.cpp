#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <set>

#include "conformance.hpp"
#include "fixture.hpp"

using namespace platen::testing;
using nlohmann::json;

namespace {

std::set<std::string> missing_from(const std::vector<std::string>& all,
                                   const std::vector<std::string>& here) {
  std::set<std::string> missing(all.begin(), all.end());
  for (const auto& one : here)
    missing.erase(one);
  return missing;
}

// Calls `visit` with every object in the document and its path.
void walk(const json& value, const std::string& path, const auto& visit) {
  if (value.is_object()) visit(value, path);
  if (!value.is_structured()) return;
  for (const auto& [key, member] : value.items())
    walk(member, path + "/" + key, visit);
}

answer healthy(const json& data) {
  answer made;
  made.status = 200;
  made.headers.emplace("content-type", "application/json");
  made.body = {{"status", "success"}, {"data", data}, {"op_time_us", 1}};
  made.text = made.body.dump();
  return made;
}

const json health{{"checks", {{"log", "healthy"}}},
                  {"versions", {{"platen", "1"}}},
                  {"hypervisor", "sim"},
                  {"accelerator", "none"}};

}  // namespace

TEST_CASE("every route is in openapi.json, and nothing else is") {
  const fixture with;
  const auto documented = conformance::of_the_api().operations();
  const auto served = with.server->routes();
  CHECK(missing_from(served, documented) == std::set<std::string>());
  CHECK(missing_from(documented, served) == std::set<std::string>());
}

TEST_CASE("openapi.json is served as it is, without a token") {
  const fixture with;
  const auto served = with.call("GET", "/v1/openapi.json", "", {{"Authorization", ""}});
  std::ifstream file(PLATEN_OPENAPI_FILE);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  CHECK(served.status == 200);
  CHECK(served.text == text);
}

TEST_CASE("every reference in openapi.json leads somewhere") {
  const auto& document = conformance::of_the_api().document();
  walk(document, "", [&](const json& value, const std::string& path) {
    const auto reference = value.find("$ref");
    if (reference == value.end() || !reference->is_string()) return;
    INFO(path);
    CHECK(document.contains(json::json_pointer(reference->get<std::string>().substr(1))));
  });
}

TEST_CASE("no object of openapi.json has undocumented members") {
  walk(conformance::of_the_api().document().at("components").at("schemas"), "",
       [](const json& value, const std::string& path) {
         if (value.value("type", json()) != "object") return;
         INFO(path);
         CHECK(value.contains("additionalProperties"));
         CHECK(value.value("additionalProperties", json()) != json(true));
       });
}

TEST_CASE("the server knows every documented query parameter, and no other") {
  const fixture with;
  const auto& document = conformance::of_the_api().document();
  const std::string uuid = "00000000-0000-4000-8000-000000000000";
  for (const auto& operation : conformance::of_the_api().operations()) {
    const auto space = operation.find(' ');
    const auto method = operation.substr(0, space);
    auto path = operation.substr(space + 1);
    std::string verb = method;
    for (auto& c : verb)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto& described = document["paths"][path][verb];
    if (const auto place = path.find("{uuid}"); place != std::string::npos)
      path.replace(place, 6, uuid);
    const auto is_refused = [&](const std::string& name) {
      return with.call(method, path + "?" + name + "=%00")
          .mentions("'" + name + "' is not a valid");
    };
    for (const auto& given : described.value("parameters", json::array())) {
      const auto& parameter =
          given.contains("$ref")
              ? document.at(json::json_pointer(given["$ref"].get<std::string>().substr(1)))
              : given;
      if (parameter["in"] != "query") continue;
      INFO(operation << " " << parameter["name"]);
      CHECK_FALSE(is_refused(parameter["name"]));
    }
  }
}

TEST_CASE("the conformance check finds what is not documented") {
  conformance check;
  CHECK_FALSE(check.problem_with("GET", "/v1/healthz", "", healthy(health)));

  auto more = health;
  more["mood"] = "good";
  CHECK(check.problem_with("GET", "/v1/healthz", "", healthy(more)));

  auto less = health;
  less.erase("accelerator");
  CHECK(check.problem_with("GET", "/v1/healthz", "", healthy(less)));

  auto teapot = healthy(health);
  teapot.status = 418;
  CHECK(check.problem_with("GET", "/v1/healthz", "", teapot));
  CHECK(check.problem_with("GET", "/v1/nowhere", "", healthy(health)));

  auto item = healthy({{"instances", {{{"status", "success"}, {"uuid", "x"}}}}});
  CHECK(check.problem_with("GET", "/v1/instances/log", "", item));

  const fixture with;
  const auto made = with.post("/v1/instances", {{"image", "demo"}});
  CHECK(check.problem_with("POST", "/v1/instances", R"({"image":"demo","colour":"red"})", made));
  CHECK_FALSE(check.problem_with("POST", "/v1/instances", R"({"image":"demo"})", made));
}
