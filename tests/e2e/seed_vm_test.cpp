// The five requests by which on-demand templates are documented, with real VMs. Only the names of
// images and the autokill time are not those of the document.
#include <catch2/catch.hpp>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
namespace fs = std::filesystem;

// A generic worker: it signals once when it is warm, again when it has loaded a function, and then
// serves a page that says what it has.
constexpr const char* worker_script = R"(#!/bin/sh
mkdir -p /www
echo warm since $(cat /proc/sys/kernel/random/boot_id) > /www/index.html
echo 1 > /uk/libukp/template_instance
if [ -f /mnt/function/handler.txt ]; then
  cat /mnt/function/handler.txt >> /www/index.html
  echo 1 > /uk/libukp/template_instance
fi
[ -f /mnt/session/session.txt ] && cat /mnt/session/session.txt >> /www/index.html
exec /bin/busybox httpd -f -p 8080 -h /www
)";

void import_images(const world& vms) {
  const auto root = vms.directory().path() / "worker";
  fs::create_directories(root / "bin");
  fs::copy_file("/bin/busybox", root / "bin/busybox");
  for (const auto* applet : {"sh", "cat", "mkdir", "echo"})
    fs::create_symlink("busybox", root / "bin" / applet);
  const auto script = vms.directory().write("worker/worker.sh", worker_script);
  fs::permissions(script, fs::perms::owner_all);
  REQUIRE(vms.platen({"image", "import", "my-org/my-image:v1.0", root.string(), "--entrypoint",
                      "/bin/sh", "--cmd", "/worker.sh"})
              .code == 0);
  vms.directory().write("function/handler.txt", "the function's code\n");
  REQUIRE(vms.platen({"image", "import", "my-org/my-function:v1.0",
                      (vms.directory().path() / "function").string()})
              .code == 0);
}

json service_group() {
  return json::parse(R"({"services":
    [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]})");
}

json plain(const std::string& name, const std::string& of) {
  auto body = json::parse(R"({
    "template": {"prepare": true,
                 "create_args": {"image": "my-org/my-image:v1.0", "memory_mb": 256, "vcpus": 1}},
    "autostart": true})");
  body["name"] = name;
  body["template"]["name"] = of;
  body["service_group"] = service_group();
  return body;
}

json nested(const std::string& name) {
  auto body = json::parse(R"({
    "template": {
      "name": "my-function-template",
      "prepare": true,
      "create_args": {
        "template": {
          "name": "my-node-worker",
          "prepare": true,
          "create_args": {"image": "my-org/my-image:v1.0", "memory_mb": 256}
        },
        "roms": [{"name": "function", "at": "/mnt/function", "image": "my-org/my-function:v1.0"}]
      }
    },
    "autostart": true})");
  body["name"] = name;
  body["service_group"] = service_group();
  return body;
}

json with_session(json body, const std::string& text) {
  body["roms"] = json::parse(R"([{"name": "session", "at": "/mnt/session",
    "files": [{"path": "session.txt", "encoding": "text"}]}])");
  body["roms"][0]["files"][0]["data"] = text;
  return body;
}

json running(const world& vms, const json& body) {
  auto instance = vms.create(body);
  INFO(instance.dump(2));
  REQUIRE(instance.value("lifecycle", "") == "running");
  return instance;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the documented requests do what the document says") {
  const auto vms = world_with_vms();
  import_images(*vms);

  // 1. Plain: the template is made, and reused by the very same request.
  const auto first = fetch(running(*vms, plain("my-instance", "my-template")), "/");
  CHECK(has(first, "warm since"));
  const auto again = fetch(running(*vms, plain("my-instance-2", "my-template")), "/");
  CHECK(again == first);
  CHECK(vms->count_events("PreparationStarted") == 1);

  // 2. Data of its own for an instance of the same template.
  const auto own =
      running(*vms, with_session(plain("my-session", "my-template"), "sessionID=XYZ\n"));
  CHECK(fetch(own, "/") == first + "sessionID=XYZ\n");
  CHECK(vms->count_events("PreparationStarted") == 1);

  // 3. Nested: two levels and the instance in one call; then both levels exist.
  const auto function =
      fetch(running(*vms, with_session(nested("my-function-1"), "sessionID=1\n")), "/");
  CHECK(has(function, "the function's code\nsessionID=1\n"));
  CHECK(vms->count_events("PreparationStarted") == 3);
  CHECK(has(fetch(running(*vms, nested("my-function-2")), "/"), "the function's code\n"));
  CHECK(vms->count_events("PreparationStarted") == 3);
  CHECK(vms->vm_template("my-function-template")["template"]["name"] == "my-node-worker");
  // The inner level can go: what was made of it stands by itself.
  REQUIRE(vms->platen({"template", "rm", "my-node-worker"}).code == 0);
  CHECK(has(fetch(running(*vms, nested("my-function-3")), "/"), "the function's code\n"));
  CHECK(vms->count_events("PreparationStarted") == 3);

  // 4. and 5. Named by a hash of its create_args; it goes by itself, and the same request makes it
  // anew.
  const auto file =
      vms->directory().write("args.json", plain("", "")["template"]["create_args"].dump());
  const auto hash =
      vms->platen_json({"template", "hash", file.string()})["name"].get<std::string>();
  auto request = plain("my-hashed", hash);
  request["template"]["autokill"] = {{"time_ms", 3000}};
  running(*vms, request);
  vms->await_event("TemplateAutokilled");
  CHECK(fetch(vms->instance("my-hashed"), "/").find("warm since") == 0);
  request["name"] = "my-hashed-2";
  running(*vms, request);
  CHECK(vms->count_events("PreparationStarted") == 5);
  vms->require_everything_owned();
}
