// How a clone of the pool becomes a VM that was ordered. Until it runs nothing of this is final:
// what goes wrong is undone, and the clone is made the ordinary way.
#include "hypervisor/qemu/vm.hpp"
#include "hypervisor/qemu/warm_pool.hpp"

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;
using status = tl::expected<void, std::string>;

}  // namespace

// Nothing: there is none of use, and nothing is left of the one that was tried.
task<std::optional<vm::step>> vm::try_warm_clone(const clone_order& order) {
  // The memory of a preparation is a file of its own.
  if (order.why != purpose::instance) co_return std::nullopt;
  auto warm = host_.warm->take(order.snapshot_id);
  if (!warm) co_return std::nullopt;
  const bool was_greeted = warm->was_greeted;
  step done;
  const auto roms = co_await take_name(order, warm);
  if (!roms) done = tl::unexpected(roms.error());
  if (done) done = co_await wake_warm(order, *roms, was_greeted);
  running_.was_warm = done.has_value();
  // Its directory still belongs to the pool, or is the VM's already.
  const bool is_the_pools = warm != nullptr;
  if (is_the_pools) host_.warm->discard(std::move(warm));
  const bool was_its_fault = !done && asked_to_end_.empty();
  if (!was_its_fault) {
    if (done) host_.warm->note_outcome(order.snapshot_id, std::nullopt);
    co_return done;
  }
  host_.warm->note_outcome(order.snapshot_id, done.error().reason);
  if (!is_the_pools) co_await forget_process();
  co_return std::nullopt;
}

// What the guest has to do is in its port when it runs; but of ROMs of its own, which it then looks
// at, it is told when they are there.
task<vm::step> vm::wake_warm(const clone_order& order, const std::vector<placed_rom>& roms,
                             bool was_greeted) {
  step done;
  if (!was_greeted) done = co_await greet();
  if (done && roms.empty()) done = co_await order_resume(order, roms);
  if (done) done = co_await let_run();
  if (done) done = co_await equip(order, roms);
  qmp_.close();
  qmp_.limit_answers(host_.options.qmp_limit);
  if (done && !roms.empty()) done = co_await order_resume(order, roms);
  if (done && !was_greeted) done = co_await await_welcome();
  if (done) done = co_await await_resumed();
  co_return done;
}

// While the guest comes to itself; nobody knows its ports yet.
task<vm::step> vm::equip(const clone_order& order, const std::vector<placed_rom>& roms) {
  const auto forwarded = co_await forward(order.guest_ports);
  if (!forwarded) co_return fail(stage::clone, forwarded.error());
  if (roms.empty()) co_return step{};
  const auto changed = co_await change_roms();
  if (!changed) co_return fail(stage::clone, changed.error());
  co_return step{};
}

// The ROMs the guest has to be told of. `warm` is given up when it has become this VM.
task<tl::expected<std::vector<placed_rom>, failure>> vm::take_name(
    const clone_order& order, std::unique_ptr<warm_clone>& warm) {
  auto become = [this, order, path = warm->path, record = warm->vm.record] {
    return become_vm(host_, order, path, record);
  };
  auto named = co_await on_pool(host_.pool, std::move(become));
  if (!named) co_return tl::unexpected(named.error());
  qmp_ = std::move(warm->qmp);
  qmp_.limit_answers(host_.options.warm_limit);
  agent_ = std::move(warm->agent);
  warm->vm.record = std::move(named->record);
  take(std::move(warm->vm));
  warm.reset();
  if (!asked_to_end_.empty()) co_return fail(stage::clone, asked_to_end_);
  co_return std::move(named->added_roms);
}

task<status> vm::forward(const std::vector<std::uint16_t>& guest_ports) {
  for (const auto port : guest_ports) {
    // Host port 0: the kernel picks a free one.
    json arguments = {{"command-line", "hostfwd_add net tcp:127.0.0.1:0-:" + std::to_string(port)}};
    const auto answer = co_await qmp_.execute("human-monitor-command", std::move(arguments));
    if (!answer) co_return tl::unexpected(answer.error());
  }
  const auto learned = co_await learn_ports();
  if (!learned) co_return learned;
  // The monitor's text commands say in words what went wrong, or nothing.
  if (running_.ports.size() != guest_ports.size())
    co_return tl::unexpected(std::string("QEMU did not forward the VM's ports"));
  co_return status{};
}

// The new drive begins with the ROMs of the one before, which the guest may be reading.
task<status> vm::change_roms() {
  json list = {{"driver", "file"}, {"filename", rom_drive_name}, {"read-only", true}};
  json files = {{"driver", "vmdk"},
                {"node-name", own_rom_files_node},
                {"file", std::move(list)},
                {"read-only", true}};
  const auto added = co_await qmp_.execute("blockdev-add", std::move(files));
  if (!added) co_return tl::unexpected(added.error());
  json drive = {{"driver", "raw"},
                {"node-name", rom_drive_node},
                {"file", own_rom_files_node},
                {"read-only", true}};
  json reopened = {{"options", json::array({std::move(drive)})}};
  const auto changed = co_await qmp_.execute("blockdev-reopen", std::move(reopened));
  if (!changed) co_return tl::unexpected(changed.error());
  json old = {{"node-name", rom_files_node}};
  const auto closed = co_await qmp_.execute("blockdev-del", std::move(old));
  if (!closed) co_return tl::unexpected(closed.error());
  co_return status{};
}

// As if it had not been started yet.
task<void> vm::forget_process() {
  co_await end_process();
  qmp_.close();
  agent_.close();
  host_.logs->remove(path_);
  co_await delete_directory();
  process_ = process();
  directory_ = unique_fd();
  process_gone_.rearm();
  record_ = vm_record();
  record_.origin = vm_origin::cloned;
  running_ = running_vm();
}

}  // namespace platen::hypervisor::qemu
