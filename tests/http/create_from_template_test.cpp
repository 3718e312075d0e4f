// POST /v1/instances with a template: what is read, what it waits for, and how it ends.
#include <catch2/catch.hpp>
#include <thread>

#include "fixture.hpp"

using namespace platen::testing;

namespace {

json body_with(const json& change) {
  json body = {{"name", "my-instance"},
               {"template",
                {{"name", "my-template"},
                 {"prepare", true},
                 {"create_args", {{"image", "demo"}, {"memory_mb", 512}}}}},
               {"autostart", true}};
  if (change.is_object()) body.merge_patch(change);
  return body;
}

// Sends the request from another thread; the answer is there after join().
class background_post {
 public:
  background_post(const fixture& at, json body)
      : thread_([this, &at, body = std::move(body)] { told_ = at.post("/v1/instances", body); }) {}
  answer join() {
    thread_.join();
    return told_;
  }

 private:
  answer told_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("the template block becomes a wish") {
  fixture at;
  const json change = {
      {"timeout_s", 0},
      {"template",
       {{"autokill", {{"time_ms", 60000}}},
        {"prepare_timeout_s", 30},
        {"create_args",
         {{"args", {"x"}},
          {"roms", {{{"at", "/mnt/f"}, {"files", {{{"path", "f"}, {"data", "d"}}}}}}}}}}}};
  const auto made = at.post("/v1/instances", body_with(change));
  CHECK(made.status == 200);
  const auto wish = at.control.creates().at(0);
  REQUIRE(wish.from);
  CHECK(wish.from->which.name == "my-template");
  CHECK(wish.from->prepare);
  CHECK(wish.from->prepare_timeout_ms == 30'000);
  CHECK(wish.from->autokill_ms == 60'000);
  REQUIRE(wish.from->create_args);
  CHECK(wish.from->create_args->image == "demo");
  CHECK(wish.from->create_args->memory_mb == 512);
  CHECK(wish.from->create_args->roms.at(0).digest == "rom-digest");
  CHECK(wish.spec.roms.empty());
  CHECK_FALSE(made.body.contains("warnings"));
  CHECK(made.item().at("template").at("name") == "my-template");
  CHECK(made.item().at("image") == "demo");
  CHECK(made.item().at("memory_mb") == 512);
}

TEST_CASE("what a template freezes cannot be given next to it") {
  fixture at;
  for (const std::string member : {"image", "args", "env", "memory_mb", "vcpus"}) {
    const auto told = at.post("/v1/instances", body_with({{member, "x"}}));
    CHECK(told.status == 400);
    CHECK(told.message() ==
          "Cannot specify '" + member + "' when creating an instance from a template");
  }
}

TEST_CASE("template blocks that cannot be are refused with the reason") {
  fixture at;
  const auto check = [&](const json& block, const std::string& part) {
    const auto told = at.post("/v1/instances", body_with({{"template", block}}));
    INFO(block.dump());
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check({{"name", "bad name"}}, "'template.name' must be");
  check({{"uuid", "x"}}, "cannot both be given");
  check({{"name", nullptr}, {"uuid", "x"}}, "'template.uuid' is not a valid uuid");
  check({{"name", nullptr}, {"uuid", "00000000-0000-4000-8000-000000000001"}},
        "cannot be given with 'create_args'");
  check({{"create_args", {{"template", {{"name", "inner"}}}}}},
        "Cannot specify 'template.create_args.image' when creating an instance from a template");
  check({{"create_args", {{"image", nullptr}}}},
        "'template.create_args.image' or 'template.create_args.template' is required");
  check({{"name", nullptr}, {"create_args", nullptr}}, "or 'create_args' for an anonymous");
  check({{"prepare", false},
         {"create_args",
          {{"image", nullptr}, {"memory_mb", nullptr}, {"template", {{"name", "inner"}}}}}},
        "'template.prepare' must be true for a template that is made from another one");
  check({{"create_args", {{"name", "x"}}}}, "'template.create_args.name' cannot be given");
  check({{"create_args", {{"vcpus", 100}}}}, "'template.create_args.vcpus' must be");
  check({{"autokill", {{"num_requests", 3}}}}, "'template.autokill.num_requests' is not supported");
  check({{"prepare_timeout_s", "x"}}, "'template.prepare_timeout_s' must be an integer");
  check({{"tags", {"x"}}}, "'template.tags' is not a valid member");
}

TEST_CASE("nested template blocks become nested wishes, each with its own ROMs") {
  fixture at;
  const json rom = {{"at", "/mnt/f"}, {"files", {{{"path", "f"}, {"data", "d"}}}}};
  const json inner = {{"name", "worker"},
                      {"prepare", true},
                      {"create_args", {{"image", "demo"}, {"memory_mb", 256}}}};
  const json body = {
      {"template",
       {{"name", "function"},
        {"prepare", true},
        {"create_args", {{"template", inner}, {"roms", {rom}}, {"tags", {"fast"}}}}}},
      {"autostart", true},
      {"timeout_s", 0}};
  CHECK(at.post("/v1/instances", body).status == 200);
  const auto wish = *at.control.creates().at(0).from;
  CHECK(wish.which.name == "function");
  CHECK(wish.create_args->roms.size() == 1);
  CHECK(wish.create_args->tags == std::vector<std::string>{"fast"});
  REQUIRE(wish.parent);
  CHECK(wish.parent->which.name == "worker");
  CHECK(wish.parent->create_args->image == "demo");
  CHECK(wish.parent->create_args->roms.empty());
}

TEST_CASE("a body that nests without end is refused by name") {
  fixture at;
  json block = {{"name", "t0"}, {"prepare", true}, {"create_args", {{"image", "demo"}}}};
  for (int i = 1; i < 40; ++i)
    block = {{"name", "t" + std::to_string(i)},
             {"prepare", true},
             {"create_args", {{"template", block}}}};
  const auto told = at.post("/v1/instances", {{"template", block}});
  CHECK(told.status == 400);
  CHECK(told.message().find("nests deeper than") != std::string::npos);
}

TEST_CASE("templates can be anonymous and cold") {
  fixture at;
  const json block = {{"create_args", {{"image", "demo"}}}};
  CHECK(at.post("/v1/instances", {{"template", block}}).status == 200);
  const auto wish = *at.control.creates().at(0).from;
  CHECK(wish.which.name.empty());
  CHECK_FALSE(wish.prepare);
}

TEST_CASE("a template that must exist and does not is an item's error") {
  fixture at;
  const auto told = at.post("/v1/instances", {{"name", "i"}, {"template", {{"name", "nowhere"}}}});
  CHECK(told.status == 200);
  CHECK(told.body.at("status") == "error");
  CHECK(told.item().at("error") == 8);
  CHECK(told.item().at("message") == "No instance template with name 'nowhere'");
}

TEST_CASE("differences from an existing template are warned of by name") {
  fixture at;
  at.control.differences_to_report = {"memory_mb", "args"};
  const auto made = at.post("/v1/instances", body_with({{"timeout_s", 0}}));
  CHECK(made.body.at("status") == "success");
  CHECK(made.body.at("warnings").at(0).at("message") ==
        "template 'my-template' exists with other create_args: 'memory_mb', 'args' differ and the "
        "template's own are used");
}

TEST_CASE("members of create_args that have no effect are warned of") {
  fixture at;
  const json group = {{"services", {{{"port", 80}}}}};
  const auto made = at.post(
      "/v1/instances",
      body_with(
          {{"timeout_s", 0},
           {"template", {{"create_args", {{"service_group", group}, {"autostart", false}}}}}}));
  CHECK(made.body.at("warnings").size() == 2);
  CHECK(at.control.creates().at(0).from->create_args->services.empty());
}

TEST_CASE("with prepare the call blocks until the instance runs") {
  fixture at;
  background_post post(at, body_with({}));
  at.control.await_waiters(1);
  at.control.enter_template("my-template", template_phase::snapshotted);
  at.control.enter("my-instance", instance_phase::cloning);
  CHECK(at.control.waiters() == 1);
  at.control.enter("my-instance", instance_phase::running);
  const auto told = post.join();
  CHECK(told.status == 200);
  CHECK(told.body.at("status") == "success");
  CHECK(told.item().at("state") == "running");
}

TEST_CASE("without autostart it blocks until the template is there") {
  fixture at;
  background_post post(at, body_with({{"autostart", false}}));
  at.control.await_waiters(1);
  at.control.enter_template("my-template", template_phase::awaiting_guest_signal);
  at.control.enter_template("my-template", template_phase::snapshotted);
  const auto told = post.join();
  CHECK(told.body.at("status") == "success");
  CHECK(told.item().at("state") == "stopped");
}

TEST_CASE("a failed preparation fails the item with stage, reason and console") {
  const bool autostart = GENERATE(true, false);
  fixture at;
  background_post post(at, body_with({{"autostart", autostart}}));
  at.control.await_waiters(1);
  at.control.change_template("my-template", [](platen::actors::vm_template::state& one) {
    one.phase = template_phase::preparation_failed;
    one.last_failure = platen::actors::vm_template::failure{
        2,   "guest_signal", "the guest did not signal", "panic \xff here", 1'700'000'000'000'000,
        4000};
  });
  if (autostart) at.control.enter("my-instance", instance_phase::failed);
  const auto told = post.join();
  CHECK(told.status == 200);
  CHECK(told.body.at("status") == "error");
  const auto& item = told.item();
  CHECK(item.at("error") == 10);
  CHECK(item.at("state") == "stopped");
  CHECK(item.at("message") ==
        "template 'my-template' was not prepared: guest_signal: the guest did not signal");
  CHECK(item.at("failure").at("attempt") == 2);
  CHECK(item.at("failure").at("console_tail") == "panic \xef\xbf\xbd here");
  CHECK(item.at("failure").at("retry_after_ms") == 4000);
  CHECK(item.contains("uuid"));
  CHECK(item.contains("lifecycle"));
}

TEST_CASE("a preparation that will be tried again is still waited for") {
  fixture at;
  background_post post(at, body_with({{"autostart", false}}));
  at.control.await_waiters(1);
  at.control.change_template("my-template", [](platen::actors::vm_template::state& one) {
    one.phase = template_phase::preparation_failed;
    one.retry_at_us = 1;
  });
  CHECK(at.control.waiters() == 1);
  at.control.enter_template("my-template", template_phase::snapshotted);
  CHECK(post.join().body.at("status") == "success");
}

TEST_CASE("when timeout_s is over the instance stays and the answer says so") {
  fixture at;
  const auto told = at.post("/v1/instances", body_with({{"timeout_s", 1}}));
  CHECK(told.status == 200);
  CHECK(told.body.at("status") == "error");
  CHECK(told.message() == "Operation timed out");
  const auto& item = told.item();
  CHECK(item.at("status") == "error");
  CHECK(item.at("name") == "my-instance");
  CHECK(item.at("state") == "starting");
  CHECK_FALSE(item.contains("error"));
  CHECK_FALSE(item.contains("message"));
  CHECK(at.control.find_instance({"", "my-instance"}) != nullptr);
}

TEST_CASE("wait_timeout_ms works, rounded up, and is called deprecated") {
  fixture at;
  const auto told = at.post("/v1/instances", body_with({{"wait_timeout_ms", 1}}));
  CHECK(told.message() == "Operation timed out");
  CHECK(told.body.at("warnings")
            .at(0)
            .at("message")
            .get<std::string>()
            .find("'wait_timeout_ms' is deprecated") == 0);
}

TEST_CASE("an instance that stopped before it ran is an error without a code") {
  fixture at;
  background_post post(at,
                       {{"name", "i"}, {"image", "demo"}, {"autostart", true}, {"timeout_s", -1}});
  at.control.await_waiters(1);
  at.control.change("i", [](platen::actors::instance::state& one) {
    one.phase = instance_phase::failed;
    one.last_failure = platen::actors::instance::failure{"boot", "no kernel", "tail", 1};
  });
  const auto told = post.join();
  CHECK(told.status == 200);
  const auto& item = told.item();
  CHECK(item.at("state") == "stopped");
  CHECK(item.at("lifecycle") == "failed");
  CHECK(item.at("message") == "boot: no kernel");
  CHECK(item.at("failure").at("console_tail") == "tail");
  CHECK_FALSE(item.contains("error"));
}

TEST_CASE("an instance that ran and has stopped since was started successfully") {
  fixture at;
  background_post post(at,
                       {{"name", "i"}, {"image", "demo"}, {"autostart", true}, {"timeout_s", -1}});
  at.control.await_waiters(1);
  at.control.change("i", [](platen::actors::instance::state& one) {
    one.phase = instance_phase::stopped;
    one.start_count = 1;
  });
  const auto told = post.join();
  CHECK(told.body.at("status") == "success");
  CHECK(told.item().at("state") == "stopped");
}
