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

}  // namespace

TEST_CASE("a guest that exits before its signal fails the preparation with reason and output") {
  const auto vms = world_with_vms();
  import_script(*vms, "exits:v1", "echo giving up; exit 3");
  const auto answer = vms->create(on_demand("one", "broken", "exits:v1"));
  INFO(answer.dump(2));
  CHECK(answer["status"] == "error");
  CHECK(answer["failure"]["reason"].get<std::string>().find("code 3") != std::string::npos);

  const auto made = vms->vm_template("broken");
  CHECK(made["lifecycle"] == "preparation_failed");
  CHECK_FALSE(made["failure"]["console_tail"].get<std::string>().empty());
  CHECK(vms->all_vms_end());
  const auto log = vms->platen({"template", "logs", "broken"});
  CHECK(log.out.find("giving up") != std::string::npos);
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
  const auto vms = world_with_vms();
  REQUIRE(vms->create(on_demand("one", "demo")).value("lifecycle", "") == "running");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(vms->data() / "templates"))
    if (entry.is_regular_file() && entry.file_size() > 0) files.push_back(entry.path());
  REQUIRE_FALSE(files.empty());
  for (const auto& file : files) {
    INFO(file.string());
    std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
    const auto middle = static_cast<std::streamoff>(fs::file_size(file) / 2);
    bytes.seekg(middle);
    const char original = static_cast<char>(bytes.get());
    const auto put = [&](char value) {
      bytes.seekp(middle);
      bytes.put(value);
      bytes.flush();
    };
    put(static_cast<char>(original ^ 1));
    const auto seen = vms->events().size();
    const auto answer = vms->create(on_demand("after-" + file.filename().string(), "demo"));
    INFO(answer.dump(2));
    // Either the create fails with a reason, or the damaged snapshot was rejected and made anew.
    if (answer.value("lifecycle", "") == "running")
      CHECK_FALSE(
          vms->await_event("SnapshotRejected", seen)["data"]["reason"].get<std::string>().empty());
    else
      CHECK_FALSE(answer["failure"]["reason"].get<std::string>().empty());
    if (fs::exists(file)) put(original);
  }
}
