#include "tools/platen/stage_tracker.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace platen::cli;
using nlohmann::json;

json event(const std::string& stream, const std::string& type, const json& data = json::object()) {
  return {{"stream", stream}, {"type", type}, {"data", data}};
}

}  // namespace

TEST_CASE("a create is followed from the template's request to the running instance") {
  stage_tracker tracker({.template_name = "web",
                         .template_stream = "",
                         .instance_name = "one",
                         .instance_stream = ""});
  tracker.feed(event("template/t", "TemplateRequested", {{"name", "web"}}));
  CHECK(tracker.stage() == "template 'web': requested");
  tracker.feed(event("template/t", "PreparationStarted", {{"attempt", 1}}));
  CHECK(tracker.stage() == "template 'web': preparing: the guest boots");
  tracker.feed(
      event("template/t", "TemplateGuestBooted", {{"attempt", 1}, {"accelerator", "tcg"}}));
  CHECK(tracker.stage() == "template 'web': awaiting the guest's signal (tcg)");
  tracker.feed(event("instance/i", "InstanceRequested", {{"name", "one"}}));
  tracker.feed(event("instance/i", "InstanceRunning", {{"accelerator", "tcg"}}));
  CHECK(tracker.stage() == "instance 'one': running (tcg)");
}

TEST_CASE("events of other templates and instances are not shown") {
  stage_tracker tracker({.template_name = "web",
                         .template_stream = "",
                         .instance_name = "one",
                         .instance_stream = ""});
  CHECK_FALSE(tracker.feed(event("template/x", "TemplateRequested", {{"name", "other"}})));
  CHECK_FALSE(tracker.feed(event("template/x", "PreparationStarted")));
  CHECK_FALSE(tracker.feed(event("instance/y", "InstanceRunning")));
  CHECK(tracker.stage().empty());
}

TEST_CASE("a template that exists already is followed by its stream") {
  stage_tracker tracker({.template_name = "web",
                         .template_stream = "template/t",
                         .instance_name = "",
                         .instance_stream = ""});
  CHECK(tracker.feed(event("template/t", "PreparationFailed",
                           {{"stage", "boot"}, {"reason", "the kernel panicked"}})));
  CHECK(tracker.stage() == "template 'web': failed: boot: the kernel panicked");
}

TEST_CASE("a later attempt says which one it is") {
  stage_tracker tracker({.template_name = "web",
                         .template_stream = "template/t",
                         .instance_name = "",
                         .instance_stream = ""});
  tracker.feed(event("template/t", "PreparationStarted", {{"attempt", 2}}));
  CHECK(tracker.stage() == "template 'web': preparing: the guest boots, attempt 2");
}
