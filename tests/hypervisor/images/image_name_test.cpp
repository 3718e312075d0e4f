#include "hypervisor/images/image_name.hpp"

#include <catch2/catch.hpp>

using platen::hypervisor::images::full_image_name;

TEST_CASE("a name without a tag means the tag latest") {
  CHECK(full_image_name("app").value() == "app:latest");
  CHECK(full_image_name("team/app").value() == "team/app:latest");
}

TEST_CASE("a name with a tag stays as it is") {
  const auto name = GENERATE(as<std::string>(), "platen/demo:v1", "a/b/c_d.e-f:1.0-RC_2",
                             "x:" + std::string(128, 't'));
  CHECK(full_image_name(name).value() == name);
}

TEST_CASE("what is not a name is refused and repeated") {
  const auto name =
      GENERATE(as<std::string>(), "Team/app", "team//app", "/app", "app/", "app:", ":v1",
               "app:v1:v2", "app:-v1", "../app", "a/../b", "./app", "app v1",
               "app:" + std::string(129, 't'), "app\n", "täm/app", "-app", "app.");
  const auto result = full_image_name(name);
  REQUIRE_FALSE(result);
  CHECK(result.error().starts_with("the image name '"));
  CHECK(result.error().find('\n') == std::string::npos);
}

TEST_CASE("a name is at most 255 characters long, tag included") {
  CHECK(full_image_name(std::string(248, 'a')).value().size() == 255);
  CHECK_FALSE(full_image_name(std::string(249, 'a')));
  CHECK_FALSE(full_image_name(""));
}

TEST_CASE("a name with a digest is refused with the way out") {
  const auto result = full_image_name("app@sha256:00");
  REQUIRE_FALSE(result);
  CHECK(result.error().find("by name and tag") != std::string::npos);
}
