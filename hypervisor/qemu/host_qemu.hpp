// The QEMU program of this host.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "hypervisor/qemu/digest.hpp"

namespace platen::hypervisor::qemu {

struct host_qemu {
  std::string version;  // its first line: "QEMU emulator version 7.2.22 (Debian ...)"
  std::string sha256;   // of the binary
  friend bool operator==(const host_qemu&, const host_qemu&) = default;
};

// Runs it once. The error says how to install it. Blocking.
tl::expected<host_qemu, std::string> look_at_qemu(const std::string& binary);

// The program under that name, which an upgrade may replace at any time. Thread-safe; blocks.
class qemu_program {
 public:
  explicit qemu_program(std::string binary) : binary_(std::move(binary)) {}

  // To be set before the program is looked at by several threads: called by each look that finds
  // another program than the look before it.
  void when_replaced(std::function<void()> tell) { tell_ = std::move(tell); }

  // What is there now. It costs opening the file, and only if that is not the file of the last
  // look, reading and running it.
  tl::expected<host_qemu, std::string> look();

 private:
  const std::string binary_;
  std::function<void()> tell_;
  std::mutex mutex_;
  std::optional<file_identity> seen_;
  std::optional<host_qemu> known_;
};

}  // namespace platen::hypervisor::qemu
