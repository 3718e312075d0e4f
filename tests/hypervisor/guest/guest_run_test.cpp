// Ordinary instances in real VMs: how workloads start, talk, end and fail.
#include <catch2/catch.hpp>

#include "booted_vm.hpp"

using namespace platen::test;
namespace guest = platen::guest;

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

TEST_CASE("a program that is not in the image is named, and the machine switches itself off") {
  booted_vm machine({});
  machine->send(start_of({"no-such-program"}));
  const auto message = machine->expect<wire::Failed>();
  const auto* failed = message.as<wire::Failed>();
  CHECK(failed->stage()->str() == "run");
  CHECK(failed->reason()->str().find(
            "\"no-such-program\" was not found in PATH (/usr/local/sbin:") == 0);
  CHECK(machine->await_exit() == 0);
  CHECK(machine->console().find("platen-init: power off") != std::string::npos);
}

TEST_CASE("a user that is not in the image is named") {
  booted_vm machine({});
  auto start = start_of({"/bin/true"});
  start.user = "nobody-here";
  machine->send(std::move(start));
  const auto message = machine->expect<wire::Failed>();
  CHECK(message.as<wire::Failed>()->reason()->str() ==
        "the user \"nobody-here\" is not in the image's /etc/passwd");
  machine->await_exit();
}

TEST_CASE("a root disk without a file system is a failure of the disk, told before any order") {
  scratch_folder scratch;
  make_rom_drive(scratch.path() / "empty.raw");
  make_overlay(scratch.path() / "root.qcow2", scratch.path() / "empty.raw", "raw");
  make_rom_drive(scratch.path() / "rom.raw");
  vm_options options;
  options.folder = scratch.path() / "vm";
  options.root_disk = scratch.path() / "root.qcow2";
  options.rom_drive = scratch.path() / "rom.raw";
  options.memory = scratch.path() / "memory";
  vm machine(options);
  const auto message = machine.expect<wire::Failed>();
  CHECK(message.as<wire::Failed>()->stage()->str() == "disk");
  machine.await_exit();
}

TEST_CASE("an instance sees the ROMs of its start, and is told that it is no template") {
  std::uint64_t length = 0;
  booted_vm machine(
      script("cat /mnt/a/deep/one.txt; cat /uk/libukp/template_instance\n"
             "echo 1 > /uk/libukp/template_instance; echo status $?\n"
             "touch /mnt/a/new || echo read-only\n"
             "rm -f /uk/libukp/template_instance; ls /uk/libukp\n"),
      [&](const vm_options& options) {
        const auto image = options.folder.parent_path() / "a.erofs";
        length = make_erofs(image, options.folder.parent_path() / "a", {{"deep/one.txt", "one\n"}});
        copy_into(options.rom_drive, image, 8192);
      });
  auto start = start_of({"/run-me"});
  start.roms.push_back(std::make_unique<wire::RomT>());
  start.roms[0]->name = "a";
  start.roms[0]->at = "/mnt/a";
  start.roms[0]->offset = 8192;
  start.roms[0]->length = length;
  machine->send(std::move(start));
  machine->expect<wire::Started>();
  CHECK(machine->expect<wire::Signal>().as<wire::Signal>()->number() == 1);
  machine->refuse(1);
  machine->expect<wire::Exited>();
  machine->await_exit();
  const auto output = machine->output();
  INFO(output);
  CHECK(output.find("one\n0\n") == 0);
  CHECK(output.find("Operation not supported\nstatus 1\n") != std::string::npos);
  CHECK(output.find("read-only\n") != std::string::npos);
  CHECK(output.find("generation_id\ntemplate_instance\n") != std::string::npos);
}

TEST_CASE("a thousand uses of the platform's files are all answered") {
  booted_vm machine(script(
      "cd /uk/libukp; n=0\n"
      "for i in $(seq 250); do read x < template_instance; echo 1 > template_instance; "
      "[ -e generation_id ]; ls > /dev/null; n=$((n+1)); done 2> /dev/null; echo $n rounds\n"));
  machine->send(start_of({"/run-me"}));
  for (std::uint32_t number = 1; number <= 250; ++number) {
    CHECK(machine->expect<wire::Signal>(120s).as<wire::Signal>()->number() == number);
    machine->refuse(number);
  }
  CHECK(machine->expect<wire::Exited>(120s).as<wire::Exited>()->exit_code() == 0);
  machine->await_exit();
  CHECK(machine->output() == "250 rounds\n");
}

TEST_CASE("a ROM is not mounted where the platform lives") {
  booted_vm machine(script("exit 0\n"));
  auto start = start_of({"/run-me"});
  start.roms.push_back(std::make_unique<wire::RomT>());
  start.roms[0]->name = "bad";
  start.roms[0]->at = "/mnt/../uk";
  start.roms[0]->length = 4096;
  machine->send(std::move(start));
  const auto message = machine->expect<wire::Failed>();
  CHECK(message.as<wire::Failed>()->stage()->str() == "boot");
  CHECK(message.as<wire::Failed>()->reason()->str() ==
        "ROM \"bad\": \"at\" is \"/mnt/../uk\", but it must not contain \"..\"");
  machine->await_exit();
}

TEST_CASE("a workload that ignores SIGTERM is killed after the grace period") {
  booted_vm machine(script("trap 'echo heard' TERM\necho up\nwhile true; do sleep 1; done\n"));
  machine->send(start_of({"/run-me"}));
  machine->await_output("up\n");
  wire::ShutdownT shutdown;
  shutdown.grace_ms = 1500;
  const auto begin = std::chrono::steady_clock::now();
  machine->send(std::move(shutdown));
  CHECK(machine->expect<wire::Exited>().as<wire::Exited>()->exit_code() == 137);
  CHECK(std::chrono::steady_clock::now() - begin > 1s);
  machine->await_exit();
  CHECK(machine->output() == "up\nheard\n");
}

TEST_CASE("all output arrives, however much and however fast, and nothing of it stays in memory") {
  booted_vm machine(script("dd if=/dev/zero bs=1M count=48 2>/dev/null\necho the end\n"));
  machine->send(start_of({"/run-me"}));
  machine->expect<wire::Exited>(120s);
  machine->await_exit();
  const auto output = machine->output();
  CHECK(output.size() == (48u << 20) + 8);
  CHECK(output.ends_with("the end\n"));
}

TEST_CASE("a daemon may vanish in the middle of a frame and be replaced") {
  booted_vm machine(script("echo up; sleep 1000\n"));
  auto half = guest::encode_body(start_of({"/bin/echo", std::string(2000, 'x')})).value();
  half.resize(half.size() / 2);
  machine->send_bytes(half);
  machine->connect_agent();
  CHECK(machine->greet(7).as<wire::Welcome>()->phase() == wire::Phase::Idle);

  // The same without a hang-up to notice: the connection stays, the frame just never ends.
  machine->send_bytes(half);
  CHECK(machine->greet(8).as<wire::Welcome>()->nonce() == 8);

  machine->send_bytes({'P', 'L', 'T', 'N', 0xff, 0xff, 0xff, 0xff, 1, 2, 3});
  CHECK(machine->greet(9).as<wire::Welcome>()->nonce() == 9);
  machine->send(start_of({"/run-me"}));
  machine->await_output("up\n");
}

TEST_CASE("an agent without a host neither spins nor keeps the workload") {
  booted_vm machine(script("for i in 1 2 3 4 5 6 7 8; do echo line $i; sleep 1; done; exit 9\n"));
  machine->send(start_of({"/run-me"}));
  machine->await_output("line 1\n");
  machine->disconnect_agent();
  const double before = machine->cpu_seconds();
  machine->await_output("line 6\n");
  CHECK(machine->cpu_seconds() - before < 2.0);
  CHECK(machine->await_exit() == 0);
  CHECK(machine->output().ends_with("line 8\n"));
  CHECK(machine->console().find("platen-init: workload exited with code 9") != std::string::npos);
}

TEST_CASE("a kernel panic ends the machine") {
  booted_vm machine(script("echo c > /proc/sysrq-trigger\n"));
  machine->send(start_of({"/run-me"}));
  machine->await_exit();
  CHECK(machine->console().find("platen-init: power off") == std::string::npos);
}
