// The kernel and initramfs every VM boots with.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace platen::hypervisor::qemu {

struct guest_bundle {
  std::filesystem::path kernel;
  std::filesystem::path initramfs;
  std::string append;      // the kernel's command line under emulation
  std::string append_kvm;  // and under KVM
  std::string kernel_sha256;
  std::string initramfs_sha256;
};

// Reads both files to hash them. The error names the missing file and how to make it.
tl::expected<guest_bundle, std::string> load_guest_bundle(const std::filesystem::path& folder);

}  // namespace platen::hypervisor::qemu
