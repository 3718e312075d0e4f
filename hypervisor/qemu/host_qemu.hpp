// The QEMU program of this host.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace platen::hypervisor::qemu {

struct host_qemu {
  std::string version;  // its first line: "QEMU emulator version 7.2.22 (Debian ...)"
  std::string sha256;   // of the binary
};

// Runs it once. The error says how to install it. Blocking.
tl::expected<host_qemu, std::string> look_at_qemu(const std::string& binary);

}  // namespace platen::hypervisor::qemu
