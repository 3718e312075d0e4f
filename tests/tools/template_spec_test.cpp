#include <catch2/catch.hpp>

#include "tools/platen/template_spec.hpp"

using namespace platen::cli;
using nlohmann::json;

TEST_CASE("equal create_args have equal hash names, however they are written") {
  const auto a = json::parse(R"({"image":"demo:v1","memory_mb":512})");
  const auto b = json::parse(R"({ "memory_mb" : 512, "image" : "demo:v1" })");
  const auto c = json::parse(R"({"image":"demo:v2","memory_mb":512})");
  CHECK(hash_name(a) == hash_name(b));
  CHECK(hash_name(a) != hash_name(c));
  CHECK(hash_name(a).size() == 16);
  // Names that are in use must not change with the program.
  CHECK(hash_name(json::object()) == "44136fa355b3678a");
}

TEST_CASE("create_args are found in a file of their own, in a template block, and in a body") {
  const json args = {{"image", "demo:v1"}};
  CHECK(*create_args_in(args) == args);
  CHECK(*create_args_in({{"name", "web"}, {"create_args", args}}) == args);
  CHECK(*create_args_in({{"autostart", true}, {"template", {{"create_args", args}}}}) == args);
  const json nested = {{"template", {{"name", "worker"}}}, {"roms", json::array()}};
  CHECK(*create_args_in(nested) == nested);
  CHECK_FALSE(create_args_in({{"name", "web"}}));
  CHECK_FALSE(create_args_in({{"autostart", true}, {"template", {{"name", "web"}}}}));
  CHECK_FALSE(create_args_in(json::array()));
}

TEST_CASE("levels are rendered from the innermost outward, each with what it has from below") {
  const json body = {{"name", "i"},
                     {"annotations", {{"b", "own"}}},
                     {"template",
                      {{"name", "function"},
                       {"create_args",
                        {{"roms", {{{"name", "f"}}}},
                         {"template",
                          {{"name", "worker"},
                           {"create_args",
                            {{"image", "demo"},
                             {"memory_mb", 512},
                             {"scale_to_zero", {{"policy", "on"}}},
                             {"annotations", {{"a", "1"}, {"b", "2"}}}}}}}}}}}};
  const auto levels = render(body);
  REQUIRE(levels);
  REQUIRE(levels->size() == 3);
  CHECK(levels->at(0).what == "template 'worker'");
  CHECK(levels->at(1).what == "template 'function'");
  CHECK(levels->at(1).effective.at("memory_mb") == 512);
  CHECK(levels->at(1).effective.at("vcpus") == 1);
  const auto& instance = levels->at(2).effective;
  CHECK(instance.at("image") == "demo");
  CHECK(instance.at("scale_to_zero") == json{{"policy", "on"}});
  CHECK(instance.at("roms").size() == 1);
  CHECK(instance.at("annotations") == json({{"a", "1"}, {"b", "own"}}));
  CHECK(instance.at("name") == "i");
}

TEST_CASE("a level that only the daemon knows cannot be rendered") {
  const auto levels = render({{"template", {{"name", "web"}}}});
  REQUIRE_FALSE(levels);
  CHECK(levels.error().message.find("template 'web' has no create_args") == 0);
}
