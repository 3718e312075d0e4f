// The guest in real VMs: QEMU under software emulation, a busybox image, real snapshots.
#include <catch2/catch.hpp>

#include "vm.hpp"

using namespace platen::test;
namespace guest = platen::guest;

namespace {

wire::StartT start_of(std::vector<std::string> args) {
  wire::StartT start;
  start.args = std::move(args);
  start.hostname = "first";
  start.machine_id = "0123456789abcdef0123456789abcdef";
  start.boot_id = "11111111-2222-4333-8444-555555555555";
  start.time_ns = 1'800'000'000'000'000'000;
  return start;
}

// A VM that was booted from a disk with these files, up to the agent's first Welcome.
class booted_vm {
 public:
  explicit booted_vm(const std::vector<image_file>& files) {
    const auto& folder = scratch_.path();
    make_root_disk(folder / "root.ext4", folder / "tree", files);
    make_overlay(folder / "root.qcow2", folder / "root.ext4", "raw");
    make_rom_drive(folder / "rom.raw");
    vm_options options;
    options.folder = folder / "vm";
    options.root_disk = folder / "root.qcow2";
    options.rom_drive = folder / "rom.raw";
    options.memory = folder / "memory";
    machine_.emplace(std::move(options));
    machine_->greet(1);
  }
  vm* operator->() { return &*machine_; }
  const fs::path& folder() const { return scratch_.path(); }

 private:
  scratch_folder scratch_;
  std::optional<vm> machine_;
};

}  // namespace

TEST_CASE("a workload runs as its user, with its environment, and its exit code is told") {
  booted_vm machine(
      {{"etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv:/bin/sh\n"},
       {"etc/group", "web:x:44:\nextra:x:55:web\n"},
       {"srv/run",
        "#!/bin/sh\nid; echo $KEY $HOME $PATH; echo $0 $1; hostname; date +%s\n"
        "cat /etc/machine-id /proc/sys/kernel/random/boot_id /etc/resolv.conf /etc/hosts\n"
        "sleep 1000 & exit 3\n"}});
  auto start = start_of({"./run", "an argument"});
  start.workdir = "/srv";
  start.user = "web";
  start.env.push_back(std::make_unique<wire::VariableT>());
  start.env[0]->name = "KEY";
  start.env[0]->value = "value";
  machine->send(std::move(start));
  CHECK(machine->expect<wire::Started>().as<wire::Started>()->pid() > 1);
  CHECK(machine->expect<wire::Exited>().as<wire::Exited>()->exit_code() == 3);
  CHECK(machine->await_exit() == 0);
  const auto output = machine->output();
  INFO(output);
  CHECK(output.find("uid=33(web) gid=44(web) groups=44(web),55(extra)") != std::string::npos);
  CHECK(output.find("value /srv /usr/local/sbin:") != std::string::npos);
  CHECK(output.find("./run an argument\nfirst\n18000000") != std::string::npos);
  CHECK(output.find("0123456789abcdef0123456789abcdef\n11111111-2222-4333-8444-555555555555\n"
                    "nameserver 10.0.2.3\n") != std::string::npos);
  CHECK(output.find("10.0.2.15\tfirst\n") != std::string::npos);
}
