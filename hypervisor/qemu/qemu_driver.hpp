// Real VMs: the driver of hypervisor.hpp on QEMU's microvm machine. The first file to open.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/images/image_store.hpp"
#include "hypervisor/images/rom_store.hpp"

namespace platen::hypervisor {

enum class accelerator_choice {
  automatic,  // KVM if a probe guest really runs under it, else TCG
  kvm,        // KVM or start() fails
  tcg,        // emulation
};

struct qemu_options {
  // VMs live in data_dir/vms, clones that wait in data_dir/pool, snapshots in data_dir/templates.
  // All on one file system, and on that of the images if disks are to be shared instead of copied.
  std::filesystem::path data_dir;
  // Memory and state of prepared templates, on any file system; those of templates that were
  // instances stay in data_dir/templates. It exists. Empty: all of them stay there.
  std::filesystem::path template_memory_dir;
  std::string qemu_binary = "qemu-system-x86_64";  // looked up in PATH
  // Folder with bundle.json and the kernel and initramfs it names.
  std::filesystem::path guest_bundle;
  image_store* images = nullptr;  // outlives the driver
  rom_store* roms = nullptr;      // outlives the driver
  accelerator_choice accelerator = accelerator_choice::automatic;

  // How many of each are worked on at once; further orders wait in line.
  std::size_t concurrent_boots = 2;
  std::size_t concurrent_clones = 4;
  std::size_t concurrent_snapshots = 2;
  std::size_t waiting_limit = 4096;  // orders in each line; one more is refused

  // From the start of QEMU to an agent that has answered. A cold boot takes 3 to 5 s under TCG on
  // an idle machine; a crowded one takes several times that.
  std::chrono::milliseconds boot_limit{120'000};
  std::chrono::milliseconds clone_limit{30'000};     // loading the state; and again for the agent
  std::chrono::milliseconds snapshot_limit{60'000};  // saving the state
  std::chrono::milliseconds qmp_limit{60'000};       // one answer of QEMU's monitor
  // The same of a clone that waited, when its order comes; it answers in milliseconds, and one that
  // does not is given up for a clone made the ordinary way.
  std::chrono::milliseconds warm_limit{1'000};
  std::chrono::milliseconds stop_margin{3'000};  // on top of the grace given to stop()

  // Clones kept restored and paused for orders to come: memory for all of them together, 0 for
  // none, and how many of one snapshot at most. None is added while less than the reserve is
  // available on the host.
  std::uint64_t warm_pool_bytes = 0;
  std::size_t warm_pool_per_snapshot = 8;
  std::uint64_t warm_pool_reserve_bytes = 512ull << 20;

  // Newest bytes kept of each log; old ones are given back to the file system.
  std::uint64_t log_bytes = 8ull << 20;
};

// The driver does nothing before start().
std::unique_ptr<driver> make_qemu_driver(qemu_options options);

}  // namespace platen::hypervisor
