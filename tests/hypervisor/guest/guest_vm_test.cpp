// The guest in real VMs: QEMU under software emulation, a busybox image, real snapshots.
#include <algorithm>
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

namespace {

// Warm-up, the signal, and after it what a clone sees: its ROM, its identity, its randomness.
constexpr char template_script[] = R"sh(#!/bin/sh
mkdir -p /srv/www
httpd -p 8080 -h /srv/www
head -c 64 /dev/urandom > /dev/null
cat /proc/sys/kernel/random/boot_id > /dev/null
echo warm
while [ "$(cut -d. -f1 /proc/uptime)" -lt 15 ]; do sleep 1; done
echo signalling
echo 1 > /uk/libukp/template_instance || echo refused
echo woken
head -c 64 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > /srv/www/random
cat /proc/sys/kernel/random/uuid > /srv/www/uuid
cat /mnt/session/session.txt > /srv/www/session
date +%s > /srv/www/time
hostname > /srv/www/hostname
cat /etc/hostname /etc/machine-id /proc/sys/kernel/random/boot_id /uk/libukp/generation_id > /srv/www/identity
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
    start.template_preparation = true;
    machine.send(std::move(start));
    machine.expect<wire::Started>();
    machine.expect<wire::Signal>(120s);
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

    clone.await_output("serving");
    CHECK(clone.output() == "woken\nserving\n");
    const auto port = options.host_port;
    CHECK(body(http_get(port, "/session")) == "session " + std::to_string(number));
    CHECK(body(http_get(port, "/hostname")) == "clone-" + std::to_string(number) + "\n");
    CHECK(body(http_get(port, "/identity")) ==
          "clone-" + std::to_string(number) + "\n" + std::string(31, 'a') + std::to_string(number) +
              "\n" + uuid_of(number + 4) + "\n" + uuid_of(number) + "\n");
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
