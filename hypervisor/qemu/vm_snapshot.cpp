// How a template preparation becomes a snapshot.
#include <fcntl.h>
#include <sys/stat.h>

#include <exception>

#include "hypervisor/qemu/vm.hpp"

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;

constexpr milliseconds quit_limit{10'000};
// The smallest state seen is 50 kB; far less means that QEMU saved nothing.
constexpr std::uint64_t smallest_state_bytes = 4096;

bool is_final(const json& data) {
  const auto status = data.value("status", std::string{});
  return status == "completed" || status == "failed" || status == "cancelled";
}

}  // namespace

task<void> vm::snapshot(std::string snapshot_id) {
  const auto self = shared_from_this();
  if (state_ == state::snapshotting) co_return;
  if (state_ != state::running || !signalled_) {
    failed what;
    what.where = stage::snapshot;
    what.reason = state_ != state::running ? "the VM to snapshot is not running"
                                           : "the VM to snapshot has not signalled";
    tell(std::move(what));
    co_return;
  }
  state_ = state::snapshotting;
  const auto place = co_await host_.snapshot_places->acquire();
  tl::expected<snapshot_info, failure> info =
      tl::unexpected(failure{stage::snapshot, "unfinished", false});
  try {
    info = co_await try_snapshot(std::move(snapshot_id));
  } catch (const std::exception& error) {
    info = tl::unexpected(failure{stage::snapshot, error.what(), false});
  }
  if (!info) {
    co_await abandon(info.error());
    co_return;
  }
  co_await delete_directory();
  became_snapshot_ = true;
  tell(snapshotted{*info});
  exited end;
  end.reason = "the VM has become the snapshot " + info->snapshot_id;
  become_ended({ref_, std::move(end)});
}

task<tl::expected<snapshot_info, failure>> vm::try_snapshot(std::string snapshot_id) {
  const auto fail = [](std::string reason) {
    return tl::unexpected(failure{stage::snapshot, std::move(reason), false});
  };
  if (!asked_to_end_.empty()) co_return fail(asked_to_end_);
  const auto saved = co_await save_state();
  if (!saved) co_return fail(saved.error());
  const auto gone = co_await quit_qemu();
  if (!gone) co_return fail(gone.error());
  auto draft = record_.facts;
  draft.snapshot_id = std::move(snapshot_id);
  auto store = [this, draft] { return host_.snapshots.store(path_, draft); };
  auto info = co_await on_pool(host_.pool, std::move(store));
  if (!info) co_return fail(info.error());
  co_return std::move(*info);
}

task<tl::expected<void, std::string>> vm::save_state() {
  auto connected = co_await qmp_.connect(directory_.get(), qmp_socket_name);
  if (!connected) co_return connected;
  const auto stopped = co_await qmp_.execute("stop");
  if (!stopped) co_return tl::unexpected(stopped.error());
  const auto without_roms = co_await take_roms_out();
  if (!without_roms) co_return without_roms;
  json capabilities = {
      {"capabilities", json::array({{{"capability", "events"}, {"state", true}},
                                    {{"capability", "x-ignore-shared"}, {"state", true}}})}};
  const auto capable = co_await qmp_.execute("migrate-set-capabilities", std::move(capabilities));
  if (!capable) co_return tl::unexpected(capable.error());
  const auto state = open_file(path_ / state_name, O_RDWR | O_CREAT | O_TRUNC);
  if (!state) co_return tl::unexpected(state.error());
  json name = {{"fdname", "state"}};
  const auto given = co_await qmp_.execute("getfd", std::move(name), state->get());
  if (!given) co_return tl::unexpected(given.error());
  json target = {{"uri", "fd:state"}};
  const auto begun = co_await qmp_.execute("migrate", std::move(target));
  if (!begun) co_return tl::unexpected(begun.error());
  const auto result = co_await qmp_.wait_event("MIGRATION", is_final, host_.options.snapshot_limit);
  if (!result) co_return tl::unexpected(result.error());
  struct stat status {};
  if (result->value("status", std::string{}) != "completed" ||
      ::fstat(state->get(), &status) != 0 ||
      static_cast<std::uint64_t>(status.st_size) < smallest_state_bytes)
    co_return tl::unexpected(std::string("QEMU could not save the VM's state"));
  co_return tl::expected<void, std::string>{};
}

// QEMU saves no VM that has a vmdk open. The guest is stopped and will not notice that its ROM
// drive is another one; what it reads there next it reads as a clone.
task<tl::expected<void, std::string>> vm::take_roms_out() {
  json nothing = {{"driver", "null-co"},
                  {"node-name", "no-roms"},
                  {"size", rom_drive_size},
                  {"read-only", true}};
  const auto added = co_await qmp_.execute("blockdev-add", std::move(nothing));
  if (!added) co_return tl::unexpected(added.error());
  json drive = {
      {"driver", "raw"}, {"node-name", rom_drive_node}, {"file", "no-roms"}, {"read-only", true}};
  json reopened = {{"options", json::array({std::move(drive)})}};
  const auto changed = co_await qmp_.execute("blockdev-reopen", std::move(reopened));
  if (!changed) co_return tl::unexpected(changed.error());
  json files = {{"node-name", rom_files_node}};
  const auto closed = co_await qmp_.execute("blockdev-del", std::move(files));
  if (!closed) co_return tl::unexpected(closed.error());
  co_return tl::expected<void, std::string>{};
}

task<tl::expected<void, std::string>> vm::quit_qemu() {
  // Its answer may be lost, because QEMU ends; what counts is that it ends.
  static_cast<void>(co_await qmp_.execute("quit"));
  const bool gone = co_await process_gone_.wait(quit_limit);
  if (!gone)
    co_return tl::unexpected(std::string("QEMU did not end after it had saved the VM's state"));
  co_return tl::expected<void, std::string>{};
}

}  // namespace platen::hypervisor::qemu
