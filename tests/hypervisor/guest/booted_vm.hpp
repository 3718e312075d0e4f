// A VM booted from a disk of a few files, and the order that starts its workload.
#pragma once

#include "vm.hpp"

namespace platen::test {

inline wire::StartT start_of(std::vector<std::string> args) {
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
  explicit booted_vm(
      const std::vector<image_file>& files,
      const std::function<void(const vm_options&)>& prepare = [](const vm_options&) {}) {
    const auto& folder = scratch_.path();
    make_root_disk(folder / "root.ext4", folder / "tree", files);
    make_overlay(folder / "root.qcow2", folder / "root.ext4", "raw");
    make_rom_drive(folder / "rom.raw");
    vm_options options;
    options.folder = folder / "vm";
    options.root_disk = folder / "root.qcow2";
    options.rom_drive = folder / "rom.raw";
    options.memory = folder / "memory";
    prepare(options);
    machine_.emplace(std::move(options));
    machine_->greet(1);
  }
  vm* operator->() { return &*machine_; }
  const fs::path& folder() const { return scratch_.path(); }

 private:
  scratch_folder scratch_;
  std::optional<vm> machine_;
};

// The disk's only file of interest: a script at /run-me, started by start_of({"/run-me"}).
inline std::vector<image_file> script(const std::string& lines) {
  return {{"run-me", "#!/bin/sh\n" + lines}};
}

}  // namespace platen::test
