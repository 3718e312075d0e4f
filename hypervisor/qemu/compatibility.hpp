// Whether this host can go on from a snapshot. QEMU itself does not ask: it loads a state into
// another CPU or other devices and reports success, and the guest is dead.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hypervisor/qemu/manifest.hpp"

namespace platen::hypervisor::qemu {

// What this host would restore a snapshot with.
struct host_facts {
  std::string qemu_version;
  std::string qemu_sha256;
  std::string accelerator;
  // Of the guest's kernel and agent a boot would use; empty: not compared.
  std::string kernel_sha256;
  std::string initramfs_sha256;
  std::uint64_t tsc_khz = 0;  // 0: not compared
  cpu_facts cpu;              // compared under KVM only, like the kernel
  std::string kernel;
};

// Each as words: "made with QEMU 7.2, this host has 8.0". Empty: it can be restored here.
//
// Of both accelerators: the accelerator, QEMU's version and binary, the CPU model, the devices, the
// agent's protocol. Under KVM the guest runs on the host's CPU and kernel, so these as well. Under
// emulation its CPU is QEMU's own, but its time stamp counter is the host's, so that counter's
// rate. A snapshot that can be made again is to have the present guest kernel and agent; others,
// which have theirs in their memory, go on with those.
std::vector<std::string> differences(const manifest& content, const host_facts& host);

}  // namespace platen::hypervisor::qemu
