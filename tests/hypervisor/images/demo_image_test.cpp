#include "tools/demo_image/demo_image.hpp"

#include <catch2/catch.hpp>

#include "hypervisor/images/image_store.hpp"
#include "tests/hypervisor/images/test_folder.hpp"
#include "tools/demo_image/static_busybox.hpp"

using platen::hypervisor::image_store;
namespace demo = platen::demo;
namespace test = platen::hypervisor::images::test;

TEST_CASE("the demo image is imported and has its server, a shell and places to mount things") {
  const test::test_folder folder;
  const auto tar = demo::build_demo_image_tar();
  REQUIRE(tar);
  test::write_file(folder / "demo.tar", *tar);
  const auto store = image_store::open(folder / "images").value();
  const auto made = store->import(std::string(demo::demo_image_name), folder / "demo.tar",
                                  demo::demo_image_config());
  INFO((made ? "" : made.error()));
  REQUIRE(made);
  CHECK(made->name == "platen/demo:v1");
  CHECK(made->config.entrypoint == std::vector<std::string>{"/usr/bin/demo-server"});
  CHECK(demo::is_static_program(test::disk_content(made->disk, "/usr/bin/demo-server")));
  CHECK(test::ask_disk(made->disk, "stat /usr/bin/demo-server").find("Mode:  0755") !=
        std::string::npos);
  CHECK(test::ask_disk(made->disk, "stat /bin/sh").find("\"busybox\"") != std::string::npos);
  CHECK(test::ask_disk(made->disk, "stat /mnt/session").find("Type: directory") !=
        std::string::npos);
  CHECK(test::disk_content(made->disk, "/etc/passwd").starts_with("root:x:0:0:"));
}

TEST_CASE("the demo image's archive is the same each time") {
  CHECK(demo::build_demo_image_tar().value() == demo::build_demo_image_tar().value());
}

TEST_CASE("only programs that need no loader are taken for the demo image") {
  CHECK(demo::is_static_program(test::content_of("/bin/busybox")));
  CHECK_FALSE(demo::is_static_program(test::content_of("/proc/self/exe")));
  CHECK_FALSE(demo::is_static_program("#!/bin/sh\n"));
  CHECK_FALSE(demo::is_static_program(""));
  CHECK_FALSE(demo::is_static_program(test::content_of("/bin/busybox").substr(0, 70)));
}
