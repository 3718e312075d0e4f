// Which snapshots a host can go on from, and what it says about the others.
#include "hypervisor/qemu/compatibility.hpp"

#include <catch2/catch.hpp>

#include "hypervisor/guest/frame.hpp"
#include "hypervisor/images/sha256.hpp"

using namespace platen::hypervisor;
using namespace platen::hypervisor::qemu;

namespace {

using words = std::vector<std::string>;

manifest made_under(const std::string& accelerator) {
  manifest content;
  content.qemu_version = "QEMU emulator version 7.2.22";
  content.qemu_sha256 = std::string(64, 'a');
  content.machine = {accelerator, 128, 1};
  content.cpu_model = cpu_model(content.machine);
  content.devices = guest_visible_arguments(content.machine);
  content.devices_sha256 = images::sha256_hex(content.devices);
  content.agent_protocol = platen::guest::protocol_version;
  content.host_cpu = {"Xeon", {"avx", "sse2"}};
  content.host_kernel = "6.1.0-56";
  content.kernel_sha256 = std::string(64, '1');
  content.initramfs_sha256 = std::string(64, '2');
  content.append = "tsc_early_khz=2000000 quiet";
  content.replaceable = true;
  return content;
}

host_facts host_of(const std::string& accelerator) {
  host_facts host;
  host.qemu_version = "QEMU emulator version 7.2.22";
  host.qemu_sha256 = std::string(64, 'a');
  host.accelerator = accelerator;
  host.kernel_sha256 = std::string(64, '1');
  host.initramfs_sha256 = std::string(64, '2');
  host.tsc_khz = 2'000'000;
  host.cpu = {"Xeon", {"avx", "sse2"}};
  host.kernel = "6.1.0-56";
  return host;
}

}  // namespace

TEST_CASE("a host goes on from what was made by its like") {
  for (const std::string accelerator : {"tcg", "kvm"})
    CHECK(differences(made_under(accelerator), host_of(accelerator)).empty());
}

TEST_CASE("another QEMU, accelerator, CPU model or agent is named, with what was and what is") {
  const auto made = made_under("tcg");
  auto host = host_of("tcg");
  host.qemu_version = "QEMU emulator version 8.0.0";
  host.qemu_sha256 = std::string(64, 'b');
  CHECK(differences(made, host) ==
        words{"made with QEMU QEMU emulator version 7.2.22, this host has "
              "QEMU emulator version 8.0.0",
              "made with a QEMU binary of SHA-256 aaaaaaaaaaaa, this host has bbbbbbbbbbbb"});
  CHECK(differences(made, host_of("kvm")) == words{"made with accelerator tcg, this host has kvm"});
  auto other = made;
  other.cpu_model = "qemu64";
  CHECK(differences(other, host_of("tcg")) ==
        words{"made with CPU model qemu64, this host has max"});
  other = made;
  other.agent_protocol += 1;
  CHECK(differences(other, host_of("tcg")).at(0).find("made with agent protocol") == 0);
}

TEST_CASE("other devices are named") {
  auto made = made_under("tcg");
  const std::string card = "virtio-net-device";
  made.devices.replace(made.devices.find(card), card.size(), "e1000");
  made.devices_sha256 = images::sha256_hex(made.devices);
  const auto found = differences(made, host_of("tcg"));
  REQUIRE(found.size() == 1);
  INFO(found[0]);
  CHECK(found[0].find("made with devices e1000,") == 0);
  CHECK(found[0].find("this host has virtio-net-device,") != std::string::npos);
  // An earlier daemon noted the digest only.
  made.devices.clear();
  CHECK(differences(made, host_of("tcg")).at(0).find("made with devices of SHA-256") == 0);
}

TEST_CASE(
    "the host's CPU and kernel count under KVM, where the guest runs on them, and only there") {
  auto host = host_of("kvm");
  host.cpu = {"Opteron", {"avx", "sse4a"}};
  host.kernel = "6.12.1";
  CHECK(differences(made_under("kvm"), host) ==
        words{"made with host CPU Xeon, this host has Opteron",
              "made with CPU flags this host lacks: sse2",
              "made without CPU flags this host has: sse4a",
              "made with host kernel 6.1.0-56, this host has 6.12.1"});
  host.accelerator = "tcg";
  CHECK(differences(made_under("tcg"), host).empty());
}

TEST_CASE("an emulated guest's clock is the host's counter, so that must have the same rate") {
  auto host = host_of("tcg");
  host.tsc_khz = 2'004'000;
  CHECK(differences(made_under("tcg"), host).empty());
  host.tsc_khz = 2'445'430;
  CHECK(differences(made_under("tcg"), host) ==
        words{"made with a time stamp counter of 2000000 kHz, this host has 2445430 kHz"});
  host = host_of("kvm");
  host.tsc_khz = 2'445'430;
  CHECK(differences(made_under("kvm"), host).empty());
}

TEST_CASE("another guest kernel or agent makes stale what can be made again, and nothing else") {
  auto host = host_of("tcg");
  host.kernel_sha256 = std::string(64, '3');
  host.initramfs_sha256 = std::string(64, '4');
  auto made = made_under("tcg");
  CHECK(differences(made, host) ==
        words{"made with a guest kernel of SHA-256 111111111111, this host has 333333333333",
              "made with a guest initramfs of SHA-256 222222222222, this host has 444444444444"});
  made.replaceable = false;
  CHECK(differences(made, host).empty());
}

TEST_CASE("the first processor of the host is described") {
  const auto cpu = parse_cpuinfo(
      "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R)\n"
      "flags\t\t: fpu avx aes\nvmx flags\t: vnmi\n\nprocessor\t: 1\nmodel name\t: other\n");
  CHECK(cpu.model == "Intel(R) Xeon(R)");
  CHECK(cpu.flags == words{"aes", "avx", "fpu"});
  CHECK(parse_cpuinfo("") == cpu_facts{});
  CHECK_FALSE(host_kernel_release().empty());
}
