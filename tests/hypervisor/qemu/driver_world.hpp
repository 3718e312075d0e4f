// A data directory with one image and a driver on it, and a queue of what the driver reports.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "hypervisor/qemu/qemu_driver.hpp"

namespace platen::test {

namespace fs = std::filesystem;
using namespace platen::hypervisor;

// Boots under TCG on crowded machines are slow; a test that waits this long has failed.
inline constexpr std::chrono::seconds report_limit{180};

class report_queue {
 public:
  void push(report what);
  // The next report about this VM, whatever it is. Nothing after the time limit.
  std::optional<report> next(const vm_ref& vm, std::chrono::milliseconds limit = report_limit);

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<report> reports_;
};

// A report as a line of text, for messages of failing tests.
std::string describe(const report& what);

class driver_world {
 public:
  static constexpr std::uint64_t log_bytes = 256 << 10;

  // `adjust` changes the options of every driver of this world.
  using adjustment = std::function<void(qemu_options&)>;
  explicit driver_world(adjustment adjust = {});
  ~driver_world();
  driver_world(const driver_world&) = delete;
  driver_world& operator=(const driver_world&) = delete;

  driver& operator*() { return *driver_; }
  driver* operator->() { return driver_.get(); }

  // The old driver lets go of its VMs as a dying daemon would; a new one looks at what is there.
  inventory replace_driver();

  // The next report about the VM, which must be of this kind.
  template <typename What>
  What expect(const vm_ref& vm) {
    const auto got = reports_->next(vm);
    if (!got) fail_test("no report about " + vm.id);
    const auto* what = std::get_if<What>(&got->what);
    if (what == nullptr) fail_test("unexpected report: " + hypervisor_report_text(*got));
    return *what;
  }
  bool silent(const vm_ref& vm, std::chrono::milliseconds limit) {
    return !reports_->next(vm, limit);
  }

  // Orders on the image of this world; `shell` is what its /bin/sh runs.
  boot_order preparation(const std::string& id, const std::string& shell = web_server()) const;
  boot_order instance(const std::string& id, const std::string& shell) const;
  clone_order clone_of(const std::string& snapshot, const std::string& id) const;
  // Serves its host name on port 8080, signals, and goes on serving.
  static std::string web_server();

  // Serves its state (state_of) on port 8080, counts in a file, and writes to template_instance
  // whenever /cgi-bin/signal is asked for; tells in its output what came of that.
  static std::string counting_server();

  // The workload's output once it has this line.
  std::string output_with(const vm_ref& vm, const std::string& line);

  // Until nothing is left of the VM.
  void await_removed(const vm_ref& vm);

  // Boots, waits for the signal and snapshots.
  snapshot_info make_snapshot(const std::string& id);

  fs::path vm_folder(const vm_ref& vm) const;
  fs::path snapshot_folder(const std::string& id) const;
  fs::path pool_folder() const { return folder_ / "data/pool"; }
  // Waits until the pool's status is as wanted, and returns it.
  warm_pool_status pool_with(const std::function<bool(const warm_pool_status&)>& wanted);
  // Waits for one more clone of the snapshot that is ready.
  void await_warm(const std::string& snapshot);
  rom_store& roms() { return *roms_; }
  // The digest of a ROM that is an image with this file `greeting`.
  std::string put_image_rom(const std::string& greeting);

 private:
  [[noreturn]] static void fail_test(const std::string& message);
  static std::string hypervisor_report_text(const report& what);
  void make_driver();

  adjustment adjust_;
  fs::path folder_;
  std::unique_ptr<image_store> images_;
  std::unique_ptr<rom_store> roms_;
  std::shared_ptr<report_queue> reports_;
  std::unique_ptr<driver> driver_;
  inventory found_;
};

// What counting_server() tells of its guest: time, count, hostname, boot_id, machine_id, random,
// rom; and the host's time when it was asked and when it had answered.
std::map<std::string, std::string> state_of(const running_vm& vm);
// The same of any page of lines "name=value".
std::map<std::string, std::string> page_at(std::uint16_t port, const std::string& path);
// Whether the guest's time was the host's, to a second.
bool clock_is_right(const std::map<std::string, std::string>& state);

// The body of GET / on a loopback port; empty if nobody answers within 20 s.
std::string http_get(std::uint16_t port, const std::string& path);

}  // namespace platen::test
