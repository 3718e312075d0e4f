#include "hypervisor/qemu/qemu_driver.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <mutex>
#include <thread>

#include "hypervisor/qemu/folder_disk_use.hpp"
#include "hypervisor/qemu/host_clock.hpp"
#include "hypervisor/qemu/kvm_probe.hpp"
#include "hypervisor/qemu/log_reading.hpp"
#include "hypervisor/qemu/vm.hpp"
#include "hypervisor/qemu/warm_pool.hpp"

namespace platen::hypervisor {

namespace {

namespace fs = std::filesystem;
using namespace qemu;

// Disk work; more threads would only make the disk's queue longer. What takes long has threads of
// its own, so that a start never waits behind it.
constexpr std::size_t pool_threads = 2;
constexpr std::size_t slow_pool_threads = 2;

qemu_options with_absolute_paths(qemu_options options) {
  std::error_code ignored;
  options.data_dir = fs::absolute(options.data_dir, ignored);
  options.guest_bundle = fs::absolute(options.guest_bundle, ignored);
  return options;
}

tl::expected<void, std::string> make_private_directory(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return tl::unexpected(system_error_sentence("make", path));
  return {};
}

class qemu_driver : public driver {
 public:
  explicit qemu_driver(qemu_options options)
      : pool_(pool_threads),
        slow_pool_(slow_pool_threads),
        host_(with_absolute_paths(std::move(options)), io_, pool_, slow_pool_) {
    host_.warm = std::make_shared<qemu::warm_pool>(host_);
    // What waits runs the QEMU that was there before.
    host_.qemu.when_replaced([this] { on_driver_thread([this] { host_.warm->end_all(); }); });
  }
  ~qemu_driver() override { shutdown(); }

  tl::expected<inventory, std::string> start(report_sink sink) override;
  void shutdown() override;
  std::string_view name() const override { return "qemu"; }
  std::string_view accelerator() const override { return host_.facts.accelerator; }

  void boot(boot_order order) override;
  void snapshot(snapshot_order order) override;
  void clone(clone_order order) override;
  void adopt(vm_ref vm) override;
  void suspend(vm_ref vm) override;
  void resume(resume_order order) override;
  void refuse_signal(vm_ref vm) override;
  void announce_sleep(vm_ref vm, sleep_news what) override;
  void stop(vm_ref vm, std::uint32_t grace_ms) override;
  void kill(vm_ref vm) override;
  void remove(vm_ref vm) override;
  void remove_snapshot(std::string snapshot_id) override;
  warm_pool_status warm_pool() const override { return host_.warm->status(); }
  log_chunk read_log(const vm_ref& vm, log_kind kind, std::int64_t offset,
                     std::uint64_t limit) const override;
  std::vector<disk_part> vm_disk_use(const vm_ref& vm) const override;
  std::vector<disk_part> snapshot_disk_use(const std::string& snapshot_id) const override;

 private:
  using vm_pointer = std::shared_ptr<qemu::vm>;

  tl::expected<void, std::string> look_at_host();
  tl::expected<std::vector<found_vm>, std::string> look_at_vms();
  vm_pointer find(const vm_ref& vm);
  vm_pointer add(const vm_ref& vm);
  bool take_over_existing(const vm_ref& vm);
  void answer_unknown(const vm_ref& vm);
  bool answer_for_suspended(const vm_ref& vm);
  void refuse(const vm_ref& vm, stage where, std::string reason);
  task<void> snapshot_vm(snapshot_order order);
  task<void> remove_vm(vm_ref ref);
  task<void> end_unadopted(vm_ref ref);
  template <typename Work>
  void on_driver_thread(Work work) {
    asio::post(io_, std::move(work));
  }

  // Destroyed last: what is suspended in it refers to all the others.
  asio::io_context io_{1};
  asio::thread_pool pool_;
  asio::thread_pool slow_pool_;
  vm_host host_;
  std::map<vm_ref, vm_pointer> vms_;  // on the driver's thread only
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::thread thread_;
};

tl::expected<inventory, std::string> qemu_driver::start(report_sink sink) {
  for (const auto& folder : {host_.vms, host_.pool_folder, host_.options.data_dir / "templates"})
    if (auto made = make_private_directory(folder); !made) return tl::unexpected(made.error());
  if (auto looked = look_at_host(); !looked) return tl::unexpected(looked.error());
  empty_pool(host_.pool_folder);
  inventory found;
  auto snapshots = host_.snapshots.recover();
  if (!snapshots) return tl::unexpected(snapshots.error());
  found.snapshots = std::move(*snapshots);
  found.unusable = host_.snapshots.find_unusable(found.snapshots, host_.facts);
  auto vms = look_at_vms();
  if (!vms) return tl::unexpected(vms.error());
  found.vms = std::move(*vms);
  host_.report_to_actor = std::move(sink);
  work_.emplace(io_.get_executor());
  asio::co_spawn(io_, host_.logs->run(), asio::detached);
  asio::co_spawn(io_, host_.warm->run(), asio::detached);
  thread_ = std::thread([this] { io_.run(); });
  return found;
}

// Also settles which command line the guests' kernel gets.
tl::expected<void, std::string> qemu_driver::look_at_host() {
  auto bundle = load_guest_bundle(host_.options.guest_bundle);
  if (!bundle) return tl::unexpected(bundle.error());
  host_.bundle = std::move(*bundle);
  auto qemu = host_.qemu.look();
  if (!qemu) return tl::unexpected(qemu.error());
  host_.facts.qemu_version = qemu->version;
  host_.facts.qemu_sha256 = qemu->sha256;
  host_.facts.accelerator = "tcg";
  host_.facts.cpu = look_at_cpu();
  host_.facts.kernel = host_kernel_release();
  host_.facts.kernel_sha256 = host_.bundle.kernel_sha256;
  host_.facts.initramfs_sha256 = host_.bundle.initramfs_sha256;
  host_.facts.tsc_khz = measure_tsc_khz();
  host_.bundle.append = with_tsc_khz(host_.bundle.append, host_.facts.tsc_khz);
  if (host_.options.accelerator == accelerator_choice::tcg) return {};
  const auto verdict =
      probe_kvm(host_.options.qemu_binary, host_.bundle, host_.options.data_dir / "kvm_probe.json");
  if (verdict.usable) {
    host_.facts.accelerator = "kvm";
    host_.bundle.append = host_.bundle.append_kvm;
  }
  if (!verdict.usable && host_.options.accelerator == accelerator_choice::kvm)
    return tl::unexpected("KVM was asked for and cannot be used: " + verdict.reason);
  return {};
}

tl::expected<std::vector<found_vm>, std::string> qemu_driver::look_at_vms() {
  std::error_code error;
  std::vector<found_vm> found;
  for (const auto& entry : fs::directory_iterator(host_.vms, error)) {
    const auto ref = parse_directory_name(entry.path().filename().string());
    const auto record = read_record(entry.path());
    if (!ref || !record || record->vm != *ref) {
      // Made by another version of this daemon, or not yet a VM.
      end_leftover(entry.path());
      continue;
    }
    const bool is_suspended = host_.snapshots.sealed_bytes(entry.path()).has_value();
    // All that its process still had to do was to end.
    if (is_suspended) end_leftover_process(entry.path());
    const bool alive = !is_suspended && find_process(entry.path(), *record).has_value();
    found.push_back({*ref, record->why, alive, is_suspended});
  }
  if (error) return tl::unexpected("cannot list " + host_.vms.string() + ": " + error.message());
  return found;
}

void qemu_driver::shutdown() {
  work_.reset();
  io_.stop();
  const bool thread_was_started = thread_.joinable();
  if (thread_was_started) thread_.join();
  pool_.stop();
  slow_pool_.stop();
  pool_.join();
  slow_pool_.join();
  host_.warm->close();
  if (thread_was_started) empty_pool(host_.pool_folder);
  vms_.clear();
}

qemu_driver::vm_pointer qemu_driver::find(const vm_ref& vm) {
  const auto found = vms_.find(vm);
  return found == vms_.end() ? nullptr : found->second;
}

qemu_driver::vm_pointer qemu_driver::add(const vm_ref& vm) {
  return vms_.emplace(vm, std::make_shared<qemu::vm>(host_, vm)).first->second;
}

void qemu_driver::answer_unknown(const vm_ref& vm) {
  exited what;
  what.reason = "there is no such VM";
  host_.report_to_actor({vm, std::move(what)});
}

void qemu_driver::refuse(const vm_ref& vm, stage where, std::string reason) {
  failed what;
  what.where = where;
  what.reason = std::move(reason);
  host_.report_to_actor({vm, std::move(what)});
}

// Whether the VM was there already; then it has been answered for, or will be.
bool qemu_driver::take_over_existing(const vm_ref& ref) {
  if (const auto known = find(ref)) {
    known->repeat_report();
    return true;
  }
  if (answer_for_suspended(ref)) return true;
  std::error_code ignored;
  if (!fs::exists(vm_directory(host_, ref), ignored)) return false;
  asio::co_spawn(io_, add(ref)->adopt(), asio::detached);
  return true;
}

void qemu_driver::boot(boot_order order) {
  on_driver_thread([this, order = std::move(order)]() mutable {
    if (!is_plain_id(order.vm.id))
      return refuse(order.vm, stage::boot, "the VM's id is not a plain name");
    if (take_over_existing(order.vm)) return;
    if (host_.boot_places->waiting() >= host_.options.waiting_limit)
      return refuse(order.vm, stage::boot,
                    "too many VMs are waiting to be booted; try again later");
    asio::co_spawn(io_, add(order.vm)->boot(std::move(order)), asio::detached);
  });
}

void qemu_driver::clone(clone_order order) {
  const auto ordered_at = std::chrono::steady_clock::now();
  on_driver_thread([this, ordered_at, order = std::move(order)]() mutable {
    if (!is_plain_id(order.vm.id))
      return refuse(order.vm, stage::clone, "the VM's id is not a plain name");
    if (take_over_existing(order.vm)) return;
    if (host_.clone_places->waiting() >= host_.options.waiting_limit)
      return refuse(order.vm, stage::clone,
                    "too many VMs are waiting to be cloned; try again later");
    asio::co_spawn(io_, add(order.vm)->clone(std::move(order), ordered_at), asio::detached);
  });
}

// Whether the VM was suspended under an earlier daemon; then there is no `vm` object of it.
bool qemu_driver::answer_for_suspended(const vm_ref& ref) {
  const auto bytes = host_.snapshots.sealed_bytes(vm_directory(host_, ref));
  if (!bytes) return false;
  host_.report_to_actor({ref, suspended{*bytes}});
  return true;
}

void qemu_driver::suspend(vm_ref vm) {
  on_driver_thread([this, vm = std::move(vm)] {
    if (const auto known = find(vm))
      asio::co_spawn(io_, known->suspend(), asio::detached);
    else if (!is_plain_id(vm.id) || !answer_for_suspended(vm))
      refuse(vm, stage::suspend, "there is no such VM to suspend");
  });
}

void qemu_driver::resume(resume_order order) {
  const auto ordered_at = std::chrono::steady_clock::now();
  on_driver_thread([this, ordered_at, order = std::move(order)]() mutable {
    if (!is_plain_id(order.vm.id))
      return refuse(order.vm, stage::resume, "the VM's id is not a plain name");
    if (take_over_existing(order.vm)) return;
    if (host_.clone_places->waiting() >= host_.options.waiting_limit)
      return refuse(order.vm, stage::resume,
                    "too many VMs are waiting to be resumed; try again later");
    asio::co_spawn(io_, add(order.vm)->resume(std::move(order), ordered_at), asio::detached);
  });
}

void qemu_driver::refuse_signal(vm_ref vm) {
  on_driver_thread([this, vm = std::move(vm)] {
    if (const auto known = find(vm)) known->refuse_signal();
  });
}

void qemu_driver::announce_sleep(vm_ref vm, sleep_news what) {
  on_driver_thread([this, what, vm = std::move(vm)] {
    if (const auto known = find(vm)) known->announce_sleep(what);
  });
}

void qemu_driver::snapshot(snapshot_order order) {
  on_driver_thread([this, order = std::move(order)]() mutable {
    if (!is_plain_id(order.snapshot_id))
      return refuse(order.vm, stage::snapshot, "the snapshot's id is not a plain name");
    asio::co_spawn(io_, snapshot_vm(std::move(order)), asio::detached);
  });
}

task<void> qemu_driver::snapshot_vm(snapshot_order order) {
  if (const auto known = find(order.vm); known && !known->became_snapshot()) {
    co_await known->snapshot(order.snapshot_id);
    co_return;
  }
  auto look = [this, id = order.snapshot_id] { return host_.snapshots.describe(id); };
  const auto info = co_await on_pool(pool_, std::move(look));
  if (info)
    host_.report_to_actor({order.vm, snapshotted{*info}});
  else
    refuse(order.vm, stage::snapshot, "there is no such VM to snapshot");
}

void qemu_driver::adopt(vm_ref vm) {
  on_driver_thread([this, vm = std::move(vm)] {
    if (!is_plain_id(vm.id) || !take_over_existing(vm)) answer_unknown(vm);
  });
}

void qemu_driver::stop(vm_ref vm, std::uint32_t grace_ms) {
  on_driver_thread([this, vm = std::move(vm), grace_ms] {
    if (const auto known = find(vm))
      asio::co_spawn(io_, known->stop(milliseconds(grace_ms)), asio::detached);
    else
      asio::co_spawn(io_, end_unadopted(vm), asio::detached);
  });
}

void qemu_driver::kill(vm_ref vm) {
  on_driver_thread([this, vm = std::move(vm)] {
    if (const auto known = find(vm))
      known->kill();
    else
      asio::co_spawn(io_, end_unadopted(vm), asio::detached);
  });
}

// A VM of an earlier daemon that nobody took over has no agent connection to ask it politely.
task<void> qemu_driver::end_unadopted(vm_ref ref) {
  const auto directory = vm_directory(host_, ref);
  std::error_code ignored;
  if (!is_plain_id(ref.id) || !fs::exists(directory, ignored)) {
    answer_unknown(ref);
    co_return;
  }
  auto end = [&store = host_.snapshots, directory] {
    end_leftover_process(directory);
    // One that was suspended cannot be resumed any more.
    store.unseal(directory);
    return console_tail(directory);
  };
  auto tail = co_await on_pool(pool_, std::move(end));
  exited what;
  what.reason = "the VM was killed on request";
  what.console_tail = std::move(tail);
  host_.report_to_actor({ref, std::move(what)});
}

void qemu_driver::remove(vm_ref vm) {
  on_driver_thread([this, vm = std::move(vm)]() mutable {
    if (is_plain_id(vm.id)) asio::co_spawn(io_, remove_vm(std::move(vm)), asio::detached);
  });
}

task<void> qemu_driver::remove_vm(vm_ref ref) {
  if (const auto known = find(ref)) {
    co_await known->remove();
    vms_.erase(ref);
    co_return;
  }
  auto end_and_delete = [directory = vm_directory(host_, ref)] {
    end_leftover(directory);
    return true;
  };
  co_await on_pool(pool_, std::move(end_and_delete));
}

void qemu_driver::remove_snapshot(std::string snapshot_id) {
  on_driver_thread([this, id = std::move(snapshot_id)] {
    host_.warm->forget(id);
    host_.snapshots.forget(id);
    asio::post(pool_, [this, id] { host_.snapshots.delete_forgotten(id); });
  });
}

log_chunk qemu_driver::read_log(const vm_ref& vm, log_kind kind, std::int64_t offset,
                                std::uint64_t limit) const {
  if (!is_plain_id(vm.id)) return {};
  const auto* name = kind == log_kind::workload ? output_log_name : console_log_name;
  const auto own = vm_directory(host_, vm) / name;
  std::error_code ignored;
  if (fs::exists(own, ignored)) return read_log_file(own, offset, limit);
  const auto snapshot = host_.snapshots.folder_made_by(vm);
  return snapshot ? read_log_file(*snapshot / kept_log_name(name), offset, limit) : log_chunk{};
}

std::vector<disk_part> qemu_driver::vm_disk_use(const vm_ref& vm) const {
  return is_plain_id(vm.id) ? disk_use_of(vm_directory(host_, vm)) : std::vector<disk_part>();
}

std::vector<disk_part> qemu_driver::snapshot_disk_use(const std::string& snapshot_id) const {
  return is_plain_id(snapshot_id) ? disk_use_of(host_.snapshots.folder_of(snapshot_id))
                                  : std::vector<disk_part>();
}

}  // namespace

std::unique_ptr<driver> make_qemu_driver(qemu_options options) {
  return std::make_unique<qemu_driver>(std::move(options));
}

}  // namespace platen::hypervisor
