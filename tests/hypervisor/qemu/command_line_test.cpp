#include "hypervisor/qemu/command_line.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace platen::hypervisor::qemu;

namespace {

const machine small{"tcg", 128, 1};
const host_side host{"qemu-system-x86_64", "platen-x.1", {80, 443}};

std::vector<std::string> values_of(const std::vector<std::string>& line, const std::string& flag) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i + 1 < line.size(); ++i)
    if (line[i] == flag) values.push_back(line[i + 1]);
  return values;
}

std::vector<std::string> boot(bool memory_in_file) {
  return boot_command_line(small, host, {"/g/vmlinuz", "/g/initramfs", "quiet", memory_in_file});
}

std::vector<std::string> clone(bool memory_in_file) {
  return clone_command_line(small, host, {0, 1}, memory_in_file);
}

}  // namespace

TEST_CASE("a clone's disks are stacked from the image to its own overlay") {
  const auto disks = values_of(clone_command_line(small, host, {2, 3}, false), "-blockdev");
  const auto expect = [&](const std::string& node) {
    INFO(node);
    CHECK(std::count(disks.begin(), disks.end(), node) == 1);
  };
  expect("driver=file,node-name=base,filename=/proc/self/fd/5,read-only=on");
  expect("driver=file,node-name=layer-0-file,filename=/proc/self/fd/8,read-only=on");
  expect("driver=qcow2,node-name=layer-0,file=layer-0-file,backing=base,read-only=on");
  expect("driver=file,node-name=layer-2-file,filename=/proc/self/fd/10,read-only=on");
  expect("driver=qcow2,node-name=layer-2,file=layer-2-file,backing=layer-1,read-only=on");
  expect("driver=qcow2,node-name=root,file=overlay,backing=layer-2");
  CHECK(inherited_files{2, 3}.memory_fd() == 11);
  CHECK(inherited_files{2, 3}.state_fd() == 12);
}

TEST_CASE("a clone has the devices of its template in the same order") {
  const auto line = clone(false);
  CHECK(values_of(line, "-device") == values_of(boot(true), "-device"));
  CHECK(values_of(line, "-machine") == values_of(boot(true), "-machine"));
  CHECK(values_of(line, "-cpu") == values_of(boot(true), "-cpu"));
  CHECK(values_of(line, "-m") == values_of(boot(true), "-m"));
  CHECK(values_of(line, "-smp") == values_of(boot(true), "-smp"));
}

TEST_CASE("only a preparation's memory is a shared file, and other clones' is private") {
  CHECK(values_of(boot(false), "-object") ==
        std::vector<std::string>{"memory-backend-ram,id=memory,size=128M,merge=off"});
  CHECK(values_of(boot(true), "-object") ==
        std::vector<std::string>{
            "memory-backend-file,id=memory,size=128M,merge=off,mem-path=memory,share=on"});
  CHECK(
      values_of(clone(false), "-object") ==
      std::vector<std::string>{
          "memory-backend-file,id=memory,size=128M,merge=off,mem-path=/proc/self/fd/7,share=off"});
  CHECK(values_of(clone(true), "-object") == values_of(boot(true), "-object"));
}

// Either gives pages back to the host, which cannot be done with pages of a private file mapping:
// it would leave holes in the template that all its clones read. See docs/system/vm-templating of
// QEMU.
TEST_CASE("no VM has a balloon, free page reporting or memory that is merged with others'") {
  for (const auto& line : {boot(false), boot(true), clone(false), clone(true)}) {
    for (const auto& argument : line) {
      INFO(argument);
      for (const auto* never : {"balloon", "free-page", "virtio-mem", "merge=on"})
        CHECK(argument.find(never) == std::string::npos);
    }
    REQUIRE(values_of(line, "-object").size() == 1);
    CHECK(values_of(line, "-object").front().find(",merge=off") != std::string::npos);
  }
}

TEST_CASE("a clone's command line shows that it is one") {
  const auto of_clone = clone(false);
  const auto of_boot = boot(true);
  CHECK(std::count(of_clone.begin(), of_clone.end(), "-incoming") == 1);
  CHECK(std::count(of_boot.begin(), of_boot.end(), "-incoming") == 0);
}

TEST_CASE("a clone waits for its state and loads no kernel") {
  const auto line = clone(false);
  CHECK(values_of(line, "-incoming") == std::vector<std::string>{"defer"});
  CHECK(std::count(line.begin(), line.end(), "-S") == 1);
  CHECK(std::count(line.begin(), line.end(), "-kernel") == 0);
}

TEST_CASE("guest ports are forwarded from loopback only, from ports the kernel picks") {
  CHECK(values_of(boot(false), "-netdev") ==
        std::vector<std::string>{
            "user,id=net,hostfwd=tcp:127.0.0.1:0-:80,hostfwd=tcp:127.0.0.1:0-:443"});
}

TEST_CASE("every QEMU is sandboxed and never starts a program") {
  for (const auto& line : {boot(true), boot(false), clone(false)}) {
    const auto sandbox = values_of(line, "-sandbox");
    REQUIRE(sandbox.size() == 1);
    CHECK(sandbox[0].find("spawn=deny") != std::string::npos);
    CHECK(std::count(line.begin(), line.end(), "-nodefaults") == 1);
    CHECK(std::count(line.begin(), line.end(), "-no-user-config") == 1);
  }
}

TEST_CASE("what a guest can see tells machines apart, but not hosts") {
  CHECK(guest_visible_arguments(small) == guest_visible_arguments({"tcg", 128, 1}));
  CHECK(guest_visible_arguments(small) != guest_visible_arguments({"tcg", 256, 1}));
  CHECK(guest_visible_arguments(small) != guest_visible_arguments({"tcg", 128, 2}));
  CHECK(guest_visible_arguments(small) != guest_visible_arguments({"kvm", 128, 1}));
}
