// Whether a guest really runs under KVM here. That /dev/kvm opens proves nothing: there are hosts
// where it opens, a VM is created, and a stock kernel never prints a line.
#pragma once

#include <filesystem>
#include <string>

#include "hypervisor/qemu/guest_bundle.hpp"

namespace platen::hypervisor::qemu {

struct kvm_verdict {
  bool usable = false;
  std::string reason;  // a sentence, for the log and for `doctor`
};

// Boots the bundle's kernel under KVM and waits up to 8 s for its first line, unless something
// cheaper settles it. The verdict of a probe is kept in `cache_file` until the host reboots.
// Blocking.
kvm_verdict probe_kvm(const std::string& qemu_binary, const guest_bundle& bundle,
                      const std::filesystem::path& cache_file);

}  // namespace platen::hypervisor::qemu
