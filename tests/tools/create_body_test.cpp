#include "tools/platen/create_body.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/temporary_directory.hpp"

namespace {

using namespace platen::cli;
using nlohmann::json;
using platen::tests::temporary_directory;

std::string refusal(const create_wish& wish) {
  const auto body = create_body(wish);
  REQUIRE_FALSE(body.has_value());
  CHECK(body.error().code == exit_code::usage);
  return body.error().message;
}

create_wish on_demand() {
  create_wish wish;
  wish.name = "one";
  wish.template_name = "web";
  wish.from = "platen/demo:v1";
  return wish;
}

}  // namespace

TEST_CASE("an on-demand create has the machine in create_args and the rest beside the template") {
  auto wish = on_demand();
  wish.memory_mb = 256;
  wish.prepare_timeout = "5m";
  wish.env = {"A=b=c"};
  wish.rom_texts = {"/mnt/session/id.txt=42", "/mnt/session/user.txt=me"};
  wish.ports = {"443:8080/tls+http", "80"};
  CHECK(create_body(wish).value() == json::parse(R"({
    "name": "one",
    "template": {"name": "web", "prepare": true, "prepare_timeout_s": 300,
                 "create_args": {"image": "platen/demo:v1", "memory_mb": 256, "env": {"A": "b=c"}}},
    "roms": [{"name": "session", "at": "/mnt/session",
              "files": [{"path": "id.txt", "encoding": "text", "data": "42"},
                        {"path": "user.txt", "encoding": "text", "data": "me"}]}],
    "service_group": {"services": [
      {"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]},
      {"port": 80, "destination_port": 80}]},
    "autostart": true})"));
}

TEST_CASE("a plain image is the body itself") {
  create_wish wish;
  wish.image = "my/app:v1";
  wish.args = {"serve", "--fast"};
  wish.no_start = true;
  CHECK(create_body(wish).value() ==
        json::parse(R"({"image": "my/app:v1", "args": ["serve", "--fast"], "autostart": false})"));
}

TEST_CASE("a template without an image is only referred to") {
  create_wish wish;
  wish.template_name = "web";
  CHECK(create_body(wish).value() ==
        json::parse(R"({"template": {"name": "web"}, "autostart": true})"));
}

TEST_CASE("waiting is a timeout without an end") {
  auto wish = on_demand();
  wish.wait = true;
  CHECK(create_body(wish).value()["timeout_s"] == -1);
  wish.timeout_s = 30;
  CHECK(create_body(wish).value()["timeout_s"] == 30);
}

TEST_CASE("a body from a file is sent as it is, under another name if one is given") {
  const temporary_directory directory;
  create_wish wish;
  wish.file = directory.write("body.json", R"({"name":"one","image":"x"})").string();
  CHECK(create_body(wish).value() == json::parse(R"({"name":"one","image":"x"})"));
  wish.name = "two";
  CHECK(create_body(wish).value()["name"] == "two");
  wish.file = directory.write("list.json", "[1]").string();
  CHECK(refusal(wish).find("holds no JSON object") != std::string::npos);
}

TEST_CASE("a ROM of a folder has all its files, binary ones in base64") {
  const temporary_directory directory;
  directory.write("rom/a.txt", "text");
  directory.write("rom/sub/b.bin", std::string("\0\1", 2));
  create_wish wish;
  wish.image = "x";
  wish.roms = {"session=/mnt/session=" + (directory.path() / "rom").string()};
  CHECK(create_body(wish).value()["roms"] == json::parse(R"([
    {"name": "session", "at": "/mnt/session", "files": [
      {"path": "a.txt", "encoding": "text", "data": "text"},
      {"path": "sub/b.bin", "encoding": "base64", "data": "AAE="}]}])"));
}

TEST_CASE("contradictions and bad values are refused by the option's name") {
  CHECK(refusal({}) == "give one of --template, --image and --file");

  create_wish both = on_demand();
  both.image = "x";
  CHECK(refusal(both) == "give one of --template, --image and --file");

  create_wish memory_without_image;
  memory_without_image.template_name = "web";
  memory_without_image.memory_mb = 256;
  CHECK(refusal(memory_without_image).find("add --from") != std::string::npos);

  create_wish waits_for_nothing = on_demand();
  waits_for_nothing.wait = waits_for_nothing.no_start = true;
  CHECK(refusal(waits_for_nothing).find("--no-start") != std::string::npos);

  create_wish bad = on_demand();
  bad.ports = {"70000"};
  CHECK(refusal(bad).rfind("--port: ", 0) == 0);
  bad = on_demand();
  bad.env = {"=x"};
  CHECK(refusal(bad).rfind("--env: ", 0) == 0);
  bad = on_demand();
  bad.prepare_timeout = "soon";
  CHECK(refusal(bad).rfind("--prepare-timeout: ", 0) == 0);
  bad = on_demand();
  bad.rom_texts = {"id.txt=42"};
  CHECK(refusal(bad).rfind("--rom-text: ", 0) == 0);
  bad = on_demand();
  bad.roms = {"session=/mnt"};
  CHECK(refusal(bad).rfind("--rom: ", 0) == 0);
  bad.roms = {"session=/mnt=/no/such/file"};
  CHECK(refusal(bad).rfind("--rom: ", 0) == 0);
}

TEST_CASE("scale to zero is a policy with what follows it") {
  create_wish wish;
  wish.image = "demo:v1";
  wish.scale_to_zero = "on,stateful,cooldown=500,notify=100";
  CHECK(create_body(wish).value().at("scale_to_zero") == json{{"policy", "on"},
                                                              {"stateful", true},
                                                              {"cooldown_time_ms", 500},
                                                              {"notify_time_ms", 100}});
  CHECK(scale_to_zero_of("idle").value() == json{{"policy", "idle"}});
  for (const auto* wrong : {"", "stateful", "on,", "on,warm", "on,cooldown=soon", "often"}) {
    wish.scale_to_zero = wrong;
    INFO(wrong);
    CHECK_FALSE(scale_to_zero_of(wrong));
  }
}
