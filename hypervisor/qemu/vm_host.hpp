// What all VMs of one driver share.
#pragma once

#include <functional>
#include <memory>

#include "hypervisor/qemu/async.hpp"
#include "hypervisor/qemu/guest_bundle.hpp"
#include "hypervisor/qemu/host_qemu.hpp"
#include "hypervisor/qemu/log_bounds.hpp"
#include "hypervisor/qemu/qemu_driver.hpp"
#include "hypervisor/qemu/snapshot_store.hpp"

namespace platen::hypervisor::qemu {

class warm_pool;

struct vm_host {
  vm_host(qemu_options given, asio::io_context& loop, asio::thread_pool& workers,
          asio::thread_pool& slow_workers)
      : options(std::move(given)),
        vms(options.data_dir / "vms"),
        pool_folder(options.data_dir / "pool"),
        qemu(options.qemu_binary),
        io(loop),
        pool(workers),
        slow_pool(slow_workers),
        snapshots(options.data_dir / "templates", options.template_memory_dir),
        logs(std::make_shared<log_bounds>(io, options.log_bytes)),
        boot_places(std::make_shared<semaphore>(io, options.concurrent_boots)),
        clone_places(std::make_shared<semaphore>(io, options.concurrent_clones)),
        snapshot_places(std::make_shared<semaphore>(io, options.concurrent_snapshots)) {}

  const qemu_options options;
  const std::filesystem::path vms;
  const std::filesystem::path pool_folder;  // of clones that wait for their orders
  qemu_program qemu;
  asio::io_context& io;          // the driver's thread
  asio::thread_pool& pool;       // for work that blocks, and that somebody waits for
  asio::thread_pool& slow_pool;  // for work that takes long: saving
  snapshot_store snapshots;      // blocks: to be used on the pool
  guest_bundle bundle;
  host_facts facts;  // those of its QEMU as they were when the driver was started
  std::shared_ptr<log_bounds> logs;
  std::shared_ptr<semaphore> boot_places;
  std::shared_ptr<semaphore> clone_places;
  std::shared_ptr<semaphore> snapshot_places;
  std::function<void(report)> report_to_actor;
  std::shared_ptr<warm_pool> warm;  // set before the first VM is made

  // The same with the QEMU that is there now. Blocks; from any thread.
  tl::expected<host_facts, std::string> facts_now() {
    return qemu.look().map([this](const host_qemu& now) {
      auto current = facts;
      current.qemu_version = now.version;
      current.qemu_sha256 = now.sha256;
      return current;
    });
  }
};

}  // namespace platen::hypervisor::qemu
