// The processor of this host, as a KVM guest with `-cpu host` sees it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace platen::hypervisor::qemu {

struct cpu_facts {
  std::string model;               // "Intel(R) Xeon(R) ..."; empty: not known
  std::vector<std::string> flags;  // sorted
  friend bool operator==(const cpu_facts&, const cpu_facts&) = default;
};

// The first processor of a text like /proc/cpuinfo.
cpu_facts parse_cpuinfo(std::string_view text);

// Of this host; empty where /proc/cpuinfo cannot be read. Blocking.
cpu_facts look_at_cpu();

// The release of this host's kernel: "6.1.0-56-cloud-amd64".
std::string host_kernel_release();

}  // namespace platen::hypervisor::qemu
