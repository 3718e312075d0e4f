// Templates that do not become ready: the user is told the stage, the reason and the console.
#include <catch2/catch.hpp>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
namespace fs = std::filesystem;

// An image of the static busybox whose workload is a line of shell.
void import_script(const world& vms, const std::string& name, const std::string& script) {
  const auto root = vms.directory().path() / ("image-" + script.substr(0, 4));
  fs::create_directories(root / "bin");
  fs::copy_file("/bin/busybox", root / "bin/busybox");
  for (const auto* applet : {"sh", "sleep", "echo"})
    fs::create_symlink("busybox", root / "bin" / applet);
  for (const auto* folder : {"proc", "sys", "dev", "tmp", "uk", "mnt", "etc", "run"})
    fs::create_directory(root / folder);
  const auto imported = vms.platen({"image", "import", name, root.string(), "--entrypoint",
                                    "/bin/sh", "--entrypoint", "-c", "--entrypoint", script});
  INFO(imported.err);
  REQUIRE(imported.code == 0);
}

void flip_byte_in(const fs::path& file) {
  std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
  const auto middle = static_cast<std::streamoff>(fs::file_size(file) / 2);
  bytes.seekg(middle);
  const auto original = static_cast<char>(bytes.get());
  bytes.seekp(middle);
  bytes.put(static_cast<char>(original ^ 1));
  REQUIRE(bytes.flush().good());
}

}  // namespace

TEST_CASE("a guest that exits before its signal fails the preparation with reason and console") {
  const auto vms = world_with_vms();
  import_script(*vms, "exits:v1", "echo giving up; exit 3");
  const auto answer = vms->create(on_demand("one", "broken", "exits:v1"));
  INFO(answer.dump(2));
  CHECK(answer["status"] == "error");
  CHECK(answer["failure"]["reason"].get<std::string>().find("code 3") != std::string::npos);

  const auto made = vms->vm_template("broken");
  CHECK(made["lifecycle"] == "preparation_failed");
  CHECK(made["failure"]["console_tail"].get<std::string>().find("exited with code 3") !=
        std::string::npos);
  CHECK(vms->all_vms_end());
}

TEST_CASE("a guest that never signals is waited for visibly, or as long as the timeout says") {
  const auto vms = world_with_vms();
  import_script(*vms, "silent:v1", "sleep 100000");

  SECTION("with a timeout the preparation fails at the guest signal") {
    auto body = on_demand("one", "silent", "silent:v1");
    body["template"]["prepare_timeout_s"] = 25;
    const auto answer = vms->create(body);
    INFO(answer.dump(2));
    CHECK(answer["status"] == "error");
    CHECK(answer["failure"]["stage"] == "guest_signal");
    CHECK(vms->all_vms_end());
  }
  SECTION("without one it stays awaiting_guest_signal, and can be deleted with its VM") {
    std::jthread client([&] {
      (void)vms->platen(
          {"instance", "create", "--template", "silent", "--from", "silent:v1", "--name", "one"});
    });
    vms->await_event("TemplateGuestBooted");
    const auto waiting = vms->vm_template("silent");
    CHECK(waiting["lifecycle"] == "awaiting_guest_signal");
    CHECK(waiting["state"] == "running");
    CHECK(waiting["lifecycle_since"].is_string());
    CHECK(vms->platen({"template", "rm", "silent"}).code == 0);
    client.join();
    vms->stop_daemon();
    vms->start_daemon();
    CHECK(vms->all_vms_end());
    vms->require_everything_owned();
  }
}

TEST_CASE("an image that does not exist fails the create and says how to get it") {
  const auto vms = world_with_vms();
  const auto refused = vms->platen(
      {"instance", "create", "--template", "t", "--from", "no/such:v1", "--name", "one"});
  CHECK(refused.code != 0);
  CHECK(refused.err.find("no/such:v1") != std::string::npos);
  CHECK(vms->all_vms_end());
}

TEST_CASE("a snapshot in which a byte was flipped is never cloned, and the reason is shown") {
  const std::string damaged = GENERATE("memory", "state", "manifest.json");
  INFO("flipped in " << damaged);
  const auto vms = world_with_vms();
  REQUIRE(vms->create(on_demand("one", "demo")).value("lifecycle", "") == "running");
  const auto snapshot = vms->vm_template("demo")["snapshot"]["uuid"].get<std::string>();
  flip_byte_in(vms->data() / "templates" / snapshot / damaged);

  const auto seen = vms->events().size();
  const auto answer = vms->create(on_demand("two", "demo"));
  INFO(answer.dump(2));
  const auto rejected = vms->await_event("SnapshotRejected", seen);
  CHECK(rejected["data"]["snapshot_id"] == snapshot);
  CHECK_FALSE(rejected["data"]["reason"].get<std::string>().empty());
  // What runs, if anything, was cloned from a snapshot that was made anew.
  const auto all = vms->events();
  for (std::size_t i = seen; i < all.size(); ++i)
    if (all[i]["type"] == "InstanceRunning")
      CHECK(vms->vm_template("demo")["snapshot"]["uuid"] != snapshot);
  CHECK(answer.value("lifecycle", "") == (answer["status"] == "error" ? "failed" : "running"));
}
