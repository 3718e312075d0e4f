// Templates and clones in real VMs: QEMU under software emulation, a busybox image.
#include <algorithm>
#include <catch2/catch.hpp>

#include "booted_vm.hpp"

using namespace platen::test;
namespace guest = platen::guest;

namespace {

// The kernel's generator takes a new key by itself when its last one is half as old as the machine.
// The template draws from it often, so that no such moment falls between signal and clone: without
// a reseed on resume, clones would return equal bytes.
//
// Warm-up, the signal, and after it what a clone sees: its ROM, its identity, its randomness.
constexpr char template_script[] = R"sh(#!/bin/sh
mkdir -p /srv/www
httpd -p 8080 -h /srv/www
head -c 64 /dev/urandom > /dev/null
cat /proc/sys/kernel/random/boot_id > /dev/null
echo warm
while [ "$(cut -d. -f1 /proc/uptime)" -lt 17 ]; do head -c 16 /dev/urandom > /dev/null; sleep 1; done
echo signalling
echo 1 > /uk/libukp/template_instance || echo refused
echo woken
head -c 64 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > /srv/www/random
cat /proc/sys/kernel/random/uuid > /srv/www/uuid
cat /mnt/session/session.txt > /srv/www/session
date +%s > /srv/www/time
hostname > /srv/www/hostname
cat /etc/hostname /etc/machine-id /proc/sys/kernel/random/boot_id /uk/libukp/generation_id /run/platen/generation_id /sys/class/net/eth0/address > /srv/www/identity
echo 2 > /uk/libukp/template_instance 2> /srv/www/second
echo serving
exec sleep 100000
)sh";

std::string body(const std::string& response) {
  const auto end = response.find("\r\n\r\n");
  return response.starts_with("HTTP/1.0 200") || response.starts_with("HTTP/1.1 200")
             ? response.substr(end + 4)
             : "no answer: " + response;
}

std::string uuid_of(unsigned number) {
  return "00000000-0000-4000-8000-00000000000" + std::to_string(number);
}

wire::ResumeT resume_of(unsigned number, std::uint64_t rom_length) {
  wire::ResumeT resume;
  resume.nonce = 1000 + number;
  resume.entropy = std::vector<std::uint8_t>(64, static_cast<std::uint8_t>(number));
  resume.time_ns = 1'900'000'000'000'000'000 + number * 1'000'000'000'000;
  resume.generation_id = uuid_of(number);
  resume.hostname = "clone-" + std::to_string(number);
  resume.machine_id = std::string(31, 'a') + std::to_string(number);
  resume.boot_id = uuid_of(number + 4);
  resume.roms.push_back(std::make_unique<wire::RomT>());
  resume.roms[0]->name = "session";
  resume.roms[0]->at = "/mnt/session";
  resume.roms[0]->offset = 0;
  resume.roms[0]->length = rom_length;
  return resume;
}

}  // namespace

TEST_CASE("clones of a warm template differ in all that must differ and share the rest") {
  scratch_folder scratch;
  const auto& folder = scratch.path();
  make_root_disk(folder / "root.ext4", folder / "tree", {{"srv/run", template_script}});
  make_overlay(folder / "template.qcow2", folder / "root.ext4", "raw");
  make_rom_drive(folder / "rom.raw");
  {
    vm_options options;
    options.folder = folder / "template";
    options.root_disk = folder / "template.qcow2";
    options.rom_drive = folder / "rom.raw";
    options.memory = folder / "memory";
    vm machine(options);
    CHECK(machine.greet(1).as<wire::Welcome>()->phase() == wire::Phase::Idle);
    auto start = start_of({"/srv/run"});
    machine.send(std::move(start));
    machine.expect<wire::Started>();
    CHECK(machine.expect<wire::Signal>(120s).as<wire::Signal>()->number() == 1);
    // A daemon that comes later hears the signal again.
    machine.connect_agent();
    CHECK(machine.greet(2).as<wire::Welcome>()->phase() == wire::Phase::Signalled);
    machine.expect<wire::Signal>();
    CHECK(machine.output() == "warm\nsignalling\n");
    machine.snapshot(folder / "state");
  }

  std::vector<std::string> random;
  for (unsigned number = 1; number <= 3; ++number) {
    const auto home = folder / std::to_string(number);
    fs::create_directories(home);
    make_overlay(home / "root.qcow2", folder / "template.qcow2", "qcow2");
    make_rom_drive(home / "rom.raw");
    const auto length = make_erofs(home / "rom.erofs", home / "rom",
                                   {{"session.txt", "session " + std::to_string(number)}});
    copy_into(home / "rom.raw", home / "rom.erofs", 0);
    vm_options options;
    options.folder = home;
    options.root_disk = home / "root.qcow2";
    options.rom_drive = home / "rom.raw";
    options.memory = folder / "memory";
    options.clone = true;
    options.host_port = static_cast<std::uint16_t>(18080 + number);
    vm clone(options);
    clone.restore(folder / "state");
    const auto welcome = clone.greet(3);
    CHECK(welcome.as<wire::Welcome>()->phase() == wire::Phase::Signalled);
    CHECK(welcome.as<wire::Welcome>()->generation_id() == nullptr);
    clone.send(resume_of(number, length));
    const auto resumed = clone.expect<wire::Resumed>();
    CHECK(resumed.as<wire::Resumed>()->nonce() == 1000 + number);
    CHECK(resumed.as<wire::Resumed>()->generation_id()->str() == uuid_of(number));

    CHECK(clone.expect<wire::Signal>().as<wire::Signal>()->number() == 2);
    clone.refuse(1);
    clone.refuse(2);
    clone.await_output("serving");
    CHECK(clone.output() == "woken\nserving\n");
    const auto port = options.host_port;
    CHECK(body(http_get(port, "/session")) == "session " + std::to_string(number));
    CHECK(body(http_get(port, "/hostname")) == "clone-" + std::to_string(number) + "\n");
    CHECK(body(http_get(port, "/identity")) ==
          "clone-" + std::to_string(number) + "\n" + std::string(31, 'a') + std::to_string(number) +
              "\n" + uuid_of(number + 4) + "\n" + uuid_of(number) + "\n" + uuid_of(number) +
              "\n02:00:00:00:00:0" + std::to_string(number + 4) + "\n");
    const auto behind =
        std::stoll(body(http_get(port, "/time"))) - (1'900'000'000 + number * 1'000);
    CHECK(behind >= 0);
    CHECK(behind < 5);
    CHECK(body(http_get(port, "/second")).find("not supported") != std::string::npos);
    random.push_back(body(http_get(port, "/random")).substr(0, 32));
    random.push_back(body(http_get(port, "/uuid")));
    CHECK(body(http_get(port, "/random")).size() == 128);

    wire::ShutdownT shutdown;
    shutdown.grace_ms = 5000;
    clone.send(std::move(shutdown));
    CHECK(clone.expect<wire::Exited>().as<wire::Exited>()->exit_code() == 143);
    CHECK(clone.await_exit() == 0);
  }
  std::sort(random.begin(), random.end());
  CHECK(std::adjacent_find(random.begin(), random.end()) == random.end());
}

TEST_CASE("a held write can be killed, and its template can be resumed, misused and shut down") {
  scratch_folder scratch;
  const auto& folder = scratch.path();
  make_root_disk(folder / "root.ext4", folder / "tree",
                 script("echo 1 > /uk/libukp/template_instance & first=$!\n"
                        "(echo 1 > /uk/libukp/template_instance; echo woken $?) & second=$!\n"
                        "sleep 3; kill -9 $first; wait $first; echo killed $?\n"
                        "wait $second; exit 4\n"));
  make_overlay(folder / "template.qcow2", folder / "root.ext4", "raw");
  make_rom_drive(folder / "rom.raw");
  vm_options options;
  options.folder = folder / "template";
  options.root_disk = folder / "template.qcow2";
  options.rom_drive = folder / "rom.raw";
  options.memory = folder / "memory";
  {
    vm machine(options);
    machine.greet(1);
    auto start = start_of({"/run-me"});
    machine.send(std::move(start));
    machine.expect<wire::Signal>();
    machine.await_output("killed 137\n");
    // The state is taken while nobody is connected; in the clones somebody is.
    machine.disconnect_agent();
    machine.snapshot(folder / "state");
  }
  options.clone = true;
  const auto clone = [&](const std::string& name) {
    options.folder = folder / name;
    options.root_disk = folder / (name + ".qcow2");
    make_overlay(options.root_disk, folder / "template.qcow2", "qcow2");
    auto machine = std::make_unique<vm>(options);
    machine->restore(folder / "state");
    CHECK(machine->greet(2).as<wire::Welcome>()->phase() == wire::Phase::Signalled);
    return machine;
  };

  SECTION("resumed, twice by the same order") {
    const auto machine = clone("good");
    auto resume = resume_of(1, 4096);
    resume.roms.clear();
    const auto frame = guest::encode_body(std::move(resume)).value();
    machine->send_bytes(frame);
    machine->send_bytes(frame);
    machine->expect<wire::Resumed>();
    machine->expect<wire::Resumed>();
    CHECK(machine->expect<wire::Exited>().as<wire::Exited>()->exit_code() == 4);
    machine->await_exit();
    CHECK(machine->output() == "woken 0\n");
  }
  SECTION("given a ROM that is none") {
    const auto machine = clone("bad");
    machine->send(resume_of(1, 4096));
    const auto message = machine->expect<wire::Failed>();
    CHECK(message.as<wire::Failed>()->stage()->str() == "resume");
    CHECK(message.as<wire::Failed>()->reason()->str().find("ROM \"session\": cannot mount") == 0);
    machine->await_exit();
  }
  SECTION("shut down while the write is held") {
    const auto machine = clone("down");
    wire::ShutdownT shutdown;
    shutdown.grace_ms = 2000;
    machine->send(std::move(shutdown));
    CHECK(machine->expect<wire::Exited>(30s).as<wire::Exited>()->exit_code() != 0);
    machine->await_exit();
  }
}
