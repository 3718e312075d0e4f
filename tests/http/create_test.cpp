// POST /v1/instances without a template: what is read, and what is refused.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;
using platen::actors::rejection;

TEST_CASE("a create is read completely and answered with the full instance") {
  fixture at;
  const auto made = at.post("/v1/instances", {{"name", "web-1"},
                                              {"image", "team/demo:v1"},
                                              {"args", {"serve", "--fast"}},
                                              {"env", {{"A", "1"}, {"B_2", ""}}},
                                              {"memory_mb", 256},
                                              {"vcpus", 2},
                                              {"hostname", "web"},
                                              {"autostart", true}});
  CHECK(made.status == 200);
  CHECK(made.body.at("status") == "success");
  CHECK_FALSE(made.body.contains("message"));
  CHECK_FALSE(made.body.contains("errors"));
  CHECK(made.body.at("op_time_us").is_number_unsigned());
  const auto& item = made.item();
  CHECK(item.at("status") == "success");
  CHECK(item.at("name") == "web-1");
  CHECK(item.at("state") == "starting");
  CHECK(item.at("lifecycle") == "waiting_for_template");
  CHECK(item.at("image") == "team/demo:v1");
  CHECK(item.at("memory_mb") == 256);
  CHECK(item.at("vcpus") == 2);
  CHECK(item.at("restart_policy") == "never");
  CHECK(item.at("type") == "micro");
  CHECK(item.at("created_at") == "2023-11-14T22:13:21Z");

  const auto wish = at.control.creates().at(0);
  CHECK(wish.name == "web-1");
  CHECK(wish.autostart);
  CHECK_FALSE(wish.from);
  CHECK(wish.spec.args == std::vector<std::string>{"serve", "--fast"});
  REQUIRE(wish.spec.env.size() == 2);
  CHECK(wish.spec.env[0].name == "A");
  CHECK(wish.spec.env[0].value == "1");
  CHECK(wish.spec.hostname == "web");
}

TEST_CASE("defaults: no name, 128 MB, one CPU, not started") {
  fixture at;
  const auto made = at.post("/v1/instances", {{"image", "demo"}});
  CHECK(made.item().at("state") == "stopped");
  const auto wish = at.control.creates().at(0);
  CHECK(wish.name.empty());
  CHECK(wish.spec.memory_mb == 128);
  CHECK(wish.spec.vcpus == 1);
  CHECK_FALSE(wish.autostart);
}

TEST_CASE("an image may be an object with a url") {
  fixture at;
  CHECK(at.post("/v1/instances", {{"image", {{"url", "demo:v2"}}}}).status == 200);
  CHECK(at.control.creates().at(0).spec.image == "demo:v2");
  const auto told = at.post("/v1/instances", {{"image", {{"url", "a"}, {"pull_policy", "never"}}}});
  CHECK(told.message() == "'image.pull_policy' is not supported yet");
}

TEST_CASE("an unknown member is refused by its path, with a guess") {
  fixture at;
  const auto told = at.post("/v1/instances", {{"image", "demo"}, {"memroy_mb", 64}});
  CHECK(told.status == 400);
  CHECK(told.message() ==
        "'memroy_mb' is not a valid member of the request body; did you mean 'memory_mb'?");
  CHECK(told.body.at("errors").at(0).at("status") == 400);
  const auto nested =
      at.post("/v1/instances", {{"template",
                                 {{"name", "t"},
                                  {"prepare", true},
                                  {"create_args", {{"image", "demo"}, {"memroy_mb", 64}}}}}});
  CHECK(nested.message().find("'template.create_args.memroy_mb' is not a valid member") == 0);
  const auto far = at.post("/v1/instances", {{"image", "demo"}, {"zzz", 1}});
  CHECK(far.message() == "'zzz' is not a valid member of the request body");
  CHECK(at.control.creates().empty());
}

TEST_CASE("members the API has and Platen has not are refused by name, also in create_args") {
  fixture at;
  for (const std::string member :
       {"volumes", "plugins", "branch_from", "checkpoint", "schedules", "type", "gpus"}) {
    const auto told = at.post("/v1/instances", {{"image", "demo"}, {member, 0}});
    CHECK(told.status == 400);
    CHECK(told.message() == "'" + member + "' is not supported yet");
    const auto nested = at.post(
        "/v1/instances",
        {{"template",
          {{"name", "t"}, {"prepare", true}, {"create_args", {{"image", "a"}, {member, 0}}}}}});
    CHECK(nested.message() == "'template.create_args." + member + "' is not supported yet");
  }
}

TEST_CASE("wrong types and values name the member and what it must be") {
  fixture at;
  const auto check = [&](const json& body, const std::string& part) {
    const auto told = at.post("/v1/instances", body);
    INFO(body.dump().substr(0, 200));
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  check(json::object(), "'image' or 'template' is required");
  check({{"image", 7}}, "'image' must be a string");
  check({{"image", "../x"}}, "'image' must be an image name");
  check({{"image", "a/../b"}}, "'image' must be an image name");
  check({{"image", "a"}, {"memory_mb", "64"}}, "'memory_mb' must be an integer from 64 to 16384");
  check({{"image", "a"}, {"memory_mb", 63}}, "'memory_mb' must be an integer from 64 to 16384");
  check({{"image", "a"}, {"memory_mb", 16385}}, "'memory_mb'");
  check({{"image", "a"}, {"memory_mb", 128.5}}, "'memory_mb'");
  check({{"image", "a"}, {"memory_mb", 18446744073709551615ull}}, "'memory_mb'");
  check({{"image", "a"}, {"vcpus", 0}}, "'vcpus' must be an integer from 1 to 8");
  check({{"image", "a"}, {"vcpus", 9}}, "'vcpus'");
  check({{"image", "a"}, {"name", ""}}, "'name' must be 1 to 63 characters");
  check({{"image", "a"}, {"name", "-x"}}, "'name' must be 1 to 63 characters");
  check({{"image", "a"}, {"name", std::string(64, 'a')}}, "'name' is longer than 63 bytes");
  check({{"image", "a"}, {"name", nullptr}}, "'name' must be a string");
  check({{"image", "a"}, {"hostname", "a_b"}}, "'hostname' must be");
  check({{"image", "a"}, {"autostart", "yes"}}, "'autostart' must be true or false");
  check({{"image", "a"}, {"args", "x"}}, "'args' must be an array");
  check({{"image", "a"}, {"args", {"x", 1}}}, "'args[1]' must be a string");
  check({{"image", "a"}, {"args", json::array({std::string(4097, 'a')})}},
        "'args[0]' is longer than 4096 bytes");
  check({{"image", "a"}, {"args", std::vector<std::string>(257, "a")}},
        "'args' has more than 256 items");
  check({{"image", "a"}, {"args", json::array({std::string("a\0b", 3)})}},
        "'args[0]' contains a control character");
  check({{"image", "a"}, {"env", {{"A=B", "1"}}}}, "'env.A=B' is not a valid name");
  check({{"image", "a"}, {"env", {{"A", 1}}}}, "'env.A' must be a string");
  check({{"image", "a"}, {"timeout_s", -2}}, "'timeout_s' must be an integer from -1");
  check({{"image", "a"}, {"timeout_s", 5}}, "'timeout_s' needs 'autostart': true");
  check({{"image", "a"}, {"timeout_s", 0}, {"wait_timeout_ms", 0}}, "'wait_timeout_ms' cannot");
}

TEST_CASE("services are read into a group of the instance's own") {
  fixture at;
  const json services = {{{"port", 443}, {"destination_port", 8080}, {"handlers", {"tls", "http"}}},
                         {{"port", 5432}}};
  const auto made =
      at.post("/v1/instances", {{"image", "demo"}, {"service_group", {{"services", services}}}});
  CHECK(made.status == 200);
  CHECK_FALSE(made.body.contains("warnings"));
  const auto created = at.control.creates().at(0);
  REQUIRE(created.group);
  REQUIRE(created.group->made);
  CHECK_FALSE(created.group->made->persistent);
  const auto& spec = created.group->made->how;
  REQUIRE(spec.services.size() == 2);
  CHECK(spec.services[0].port == 443);
  CHECK(spec.services[0].destination_port == 8080);
  CHECK(spec.services[0].handlers == std::vector<std::string>{"tls", "http"});
  CHECK(spec.services[1].destination_port == 5432);
}

TEST_CASE("services out of range, repeated or not offered are refused") {
  fixture at;
  const auto check = [&](const json& group, const std::string& part) {
    const auto told = at.post("/v1/instances", {{"image", "demo"}, {"service_group", group}});
    INFO(group.dump());
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  const auto of = [](json service) { return json{{"services", json::array({service})}}; };
  check(json::object(), "'service_group.services' is required");
  check({{"services", json::array()}}, "at least one service");
  check({{"name", "web"}, {"services", json::array()}},
        "'service_group.services' cannot be given together with a reference");
  check({{"name", "web"}, {"uuid", "x"}}, "exactly one of");
  check({{"services", {{{"port", 1}}}}, {"soft_limit", 3}, {"hard_limit", 2}},
        "'service_group.soft_limit' must not be more than hard_limit");
  check({{"services", {{{"port", 1}}}}, {"domains", {{{"name", "a b"}}}}}, "is not a domain name");
  check(of({{"destination_port", 80}}), "'service_group.services[0].port' is required");
  check(of({{"port", 0}}), "'service_group.services[0].port' must be an integer from 1 to 65535");
  check(of({{"port", 65536}}), "must be an integer from 1 to 65535");
  check(of({{"port", 1}, {"handlers", {"redirect"}}}), "'redirect'");
  check(of({{"port", 443}, {"handlers", {"tls"}}}),
        "'service_group.services[0].handlers' of port 443 must have 'http' and 'tls'");
  check(of({{"port", 1}, {"handlers", {"gzip"}}}), "must be of 'tls', 'http' and 'redirect'");
  check(of({{"port", 1}, {"protocol", "udp"}}), "not supported yet");
  check({{"services", {{{"port", 1}}, {{"port", 1}, {"destination_port", 2}}}}},
        "'service_group.services[1].port' is used by another service");
}

TEST_CASE("an inline ROM is stored and named by its digest") {
  fixture at;
  const json rom = {{"name", "session"},
                    {"at", "/mnt//session/./x/"},
                    {"files",
                     {{{"path", "a.txt"}, {"data", "hello"}},
                      {{"path", "sub/b.bin"}, {"encoding", "base64"}, {"data", "AP8Q"}}}}};
  const auto made = at.post("/v1/instances", {{"image", "demo"}, {"roms", {rom}}});
  CHECK(made.status == 200);
  const auto spec = at.control.creates().at(0).spec;
  REQUIRE(spec.roms.size() == 1);
  CHECK(spec.roms[0].name == "session");
  CHECK(spec.roms[0].at == "/mnt/session/x");
  CHECK(spec.roms[0].digest == "rom-digest");
  CHECK(spec.roms[0].size_bytes == 4096);
  REQUIRE(at.roms.last.size() == 2);
  CHECK(at.roms.last[0].bytes == "hello");
  CHECK(at.roms.last[1].path == "sub/b.bin");
  CHECK(at.roms.last[1].bytes == std::string("\x00\xff\x10", 3));
  CHECK(made.item().at("roms").at(0).at("at") == "/mnt/session/x");
}

TEST_CASE("a ROM without a name gets one") {
  fixture at;
  const json rom = {{"at", "/mnt/a"}, {"files", {{{"path", "a"}, {"data", ""}}}}};
  CHECK(at.post("/v1/instances", {{"image", "demo"}, {"roms", {rom}}}).status == 200);
  CHECK(at.control.creates().at(0).spec.roms.at(0).name == "mnt-a");
}

TEST_CASE("ROMs that cannot be are refused with the reason") {
  fixture at;
  const auto check = [&](const json& change, const std::string& part) {
    json rom = {{"name", "r"}, {"at", "/mnt/r"}, {"files", {{{"path", "a"}, {"data", "x"}}}}};
    rom.merge_patch(change);
    const auto told = at.post("/v1/instances", {{"image", "demo"}, {"roms", {rom}}});
    INFO(change.dump().substr(0, 200));
    CHECK(told.status == 400);
    CHECK(told.message().find(part) != std::string::npos);
  };
  const auto file = [](json one) { return json{{"files", json::array({one})}}; };
  check({{"at", "mnt"}}, "'roms[0].at' must be an absolute path");
  check({{"at", "/"}}, "'roms[0].at' must be an absolute path");
  check({{"at", "/mnt/../etc"}}, "'roms[0].at' must be an absolute path");
  check({{"at", "/uk/x"}}, "must not be /uk");
  check({{"at", "//uk"}}, "must not be /uk");
  check({{"image", "org/x"}}, "'roms[0].image' and 'files' cannot both be given");
  check({{"files", nullptr}}, "'roms[0].files' or 'image' is required");
  check({{"files", nullptr}, {"image", "Not An Image"}}, "'roms[0].image' must be");
  check({{"files", nullptr}, {"image", {{"url", ""}}}}, "'roms[0].image");
  check({{"files", json::array()}}, "at least one file");
  check(file({{"data", "x"}}), "'roms[0].files[0].path' is required");
  check(file({{"path", "/a"}, {"data", "x"}}), "must be a relative path");
  check(file({{"path", "../a"}, {"data", "x"}}), "must be a relative path");
  check(file({{"path", "a"}}), "'roms[0].files[0].data' is required");
  check(file({{"path", "a"}, {"data", "?"}, {"encoding", "base64"}}), "is not valid base64");
  check(file({{"path", "a"}, {"data", "x"}, {"encoding", "hex"}}), "'text' or 'base64'");
  check(file({{"path", "a"}, {"data", std::string(1'000'001, 'x')}}), "1000000 bytes together");
  check({{"files", {{{"path", "a"}, {"data", ""}}, {{"path", "./a"}, {"data", ""}}}}},
        "names 'a' twice");
  check({{"files", json(std::vector<json>(17, {{"path", "a"}, {"data", ""}}))}},
        "has more than 16 items");
  const auto refusal_of = [&](const json& roms) {
    return at.post("/v1/instances", {{"image", "demo"}, {"roms", roms}}).message();
  };
  const json rom = {{"at", "/mnt/r"}, {"files", {{{"path", "a"}, {"data", "x"}}}}};
  json renamed = rom;
  renamed["name"] = "other";
  CHECK(refusal_of({rom, rom}).find("'roms[1].name' is 'mnt-r', the name of another ROM") !=
        std::string::npos);
  CHECK(refusal_of({rom, renamed}).find("'roms[1].at' is '/mnt/r', where another ROM") !=
        std::string::npos);
  CHECK(refusal_of(std::vector<json>(9, rom)).find("has 9 ROMs; an instance has at most 8") !=
        std::string::npos);
}

TEST_CASE("eight ROMs, inline and images, mounted and raw, are kept in their order") {
  fixture at;
  at.images.import("my/function:v1", "/dev/null", {});
  json roms;
  for (int i = 0; i < 6; ++i)
    roms.push_back(
        {{"at", "/mnt/" + std::to_string(i)}, {"files", {{{"path", "a"}, {"data", "x"}}}}});
  roms.push_back({{"name", "raw"}, {"files", {{{"path", "a"}, {"data", "x"}}}}});
  roms.push_back({{"name", "function"}, {"at", "/fn"}, {"image", "my/function:v1"}});
  const auto made = at.post("/v1/instances", {{"image", "demo"}, {"roms", roms}});
  CHECK(made.status == 200);
  const auto spec = at.control.creates().at(0).spec;
  REQUIRE(spec.roms.size() == 8);
  CHECK(spec.roms[0].at == "/mnt/0");
  CHECK(spec.roms[6].name == "raw");
  CHECK(spec.roms[6].at.empty());
  CHECK(spec.roms[7].image == "my/function:v1");
  CHECK(spec.roms[7].digest == "d1");
  const auto shown = made.item().at("roms");
  CHECK(shown.at(7).at("image") == "my/function:v1");
  CHECK_FALSE(shown.at(6).contains("at"));
}

TEST_CASE("a ROM of an image that is not there is refused with the ROM's name") {
  fixture at;
  const json rom = {{"name", "function"}, {"image", "my/missing:v1"}};
  const auto told = at.post("/v1/instances", {{"image", "demo"}, {"roms", {rom}}});
  CHECK(told.item().at("message").get<std::string>().find("ROM 'function' cannot be made") !=
        std::string::npos);
  CHECK(at.control.creates().empty());
}

TEST_CASE("a ROM that cannot be stored fails its item and creates nothing") {
  fixture at;
  at.roms.problem = "the disk is full";
  const json rom = {{"at", "/mnt/r"}, {"files", {{{"path", "a"}, {"data", "x"}}}}};
  const auto told = at.post("/v1/instances", {{"image", "demo"}, {"roms", {rom}}});
  CHECK(told.status == 200);
  CHECK(told.body.at("status") == "error");
  CHECK(told.item().at("message").get<std::string>().find("the disk is full") != std::string::npos);
  CHECK(at.control.creates().empty());
}

TEST_CASE("an array creates each item, in order, and reports partial success") {
  fixture at;
  at.instance("taken", instance_phase::running);
  const auto made = at.post("/v1/instances", {{{"name", "a"}, {"image", "demo"}},
                                              {{"name", "taken"}, {"image", "demo"}},
                                              {{"name", "b"}, {"image", "demo"}}});
  CHECK(made.status == 200);
  CHECK(made.body.at("status") == "partial_success");
  CHECK_FALSE(made.body.contains("errors"));
  CHECK(made.item(0).at("name") == "a");
  CHECK(made.item(1).at("status") == "error");
  CHECK(made.item(1).at("error") == 23);
  CHECK(made.item(1).at("message") == "An instance with the name 'taken' already exists");
  CHECK(made.item(2).at("name") == "b");
}

TEST_CASE("one bad item of an array refuses all of them") {
  fixture at;
  const auto told = at.post("/v1/instances", {{{"image", "demo"}}, {{"image", "demo"}, {"x", 1}}});
  CHECK(told.status == 400);
  CHECK(told.message().find("'[1].x' is not a valid member") == 0);
  CHECK(at.control.creates().empty());
  const auto many = at.post("/v1/instances", json(std::vector<json>(257, {{"image", "demo"}})));
  CHECK(many.message().find("more than 256 items") != std::string::npos);
}

TEST_CASE("refusals become item codes, or the answer where they concern the daemon") {
  fixture at;
  using kind = rejection::kind;
  const std::map<kind, int> codes = {
      {kind::invalid, 7}, {kind::wrong_state, 11}, {kind::quota, 19}, {kind::not_found, 8}};
  for (const auto& [what, code] : codes) {
    at.control.refuse_next({what, "because"});
    const auto told = at.post("/v1/instances", {{"name", "x"}, {"image", "demo"}});
    CHECK(told.status == 200);
    CHECK(told.body.at("status") == "error");
    CHECK(told.message() == "Failed to perform all operations");
    CHECK(told.item().at("error") == code);
    CHECK(told.item().at("message") == "because");
    CHECK(told.item().at("name") == "x");
  }
  at.control.refuse_next({kind::busy, "too much to do"});
  const auto busy = at.post("/v1/instances", {{"image", "demo"}});
  CHECK(busy.status == 429);
  CHECK(busy.header("retry-after") == "1");
  CHECK(busy.message() == "too much to do");
  at.control.refuse_next({kind::unavailable, "the log failed"});
  CHECK(at.post("/v1/instances", {{"image", "demo"}}).status == 503);
  at.control.refuse_next({kind::busy, "too much to do"}, 1);
  const auto part = at.post("/v1/instances", {{{"image", "demo"}}, {{"image", "demo"}}});
  CHECK(part.status == 200);
  CHECK(part.item(0).at("error") == 5);
  CHECK(part.item(1).at("status") == "success");
}
