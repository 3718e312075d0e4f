// QEMU's part in saving a VM: stop it, write out its state, and let it go on or quit.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/detached.hpp>

#include "hypervisor/qemu/memory_stream.hpp"
#include "hypervisor/qemu/migration.hpp"
#include "hypervisor/qemu/vm.hpp"

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;
using status = tl::expected<void, std::string>;

constexpr milliseconds quit_limit{10'000};
// The smallest state seen is 50 kB; far less means that QEMU saved nothing.
constexpr std::uint64_t smallest_state_bytes = 4096;
// QEMU's own limit, 128 MB/s, is for networks.
constexpr std::uint64_t save_bytes_per_second = 1ull << 40;
constexpr int pipe_bytes = 1 << 20;

// A job of the pool that goes on beside this thread's work.
struct side_job {
  explicit side_job(asio::io_context& io) : done(io) {}
  one_shot done;
  status result;
};

template <typename Work>
std::shared_ptr<side_job> begin_on(asio::io_context& io, asio::thread_pool& pool, Work work) {
  auto job = std::make_shared<side_job>(io);
  auto run = [](std::shared_ptr<side_job> job, asio::thread_pool& pool, Work work) -> task<void> {
    job->result = co_await on_pool(pool, std::move(work));
    job->done.set();
  };
  asio::co_spawn(io, run(job, pool, std::move(work)), asio::detached);
  return job;
}

}  // namespace

task<status> vm::save_state() {
  const auto ready = co_await prepare_to_save();
  if (!ready) co_return ready;
  status saved;
  if (is_instance())
    saved = co_await save_all();
  else
    saved = co_await save_device_state();
  if (!saved) co_return saved;
  std::error_code ignored;
  const auto bytes = std::filesystem::file_size(path_ / state_name, ignored);
  if (ignored || bytes < smallest_state_bytes)
    co_return tl::unexpected(std::string("QEMU could not save the VM's state"));
  co_return status{};
}

task<status> vm::prepare_to_save() {
  auto connected = co_await qmp_.connect(directory_.get(), qmp_socket_name);
  if (!connected) co_return connected;
  const auto mark = open_file(path_ / saving_mark_name, O_WRONLY | O_CREAT);
  if (!mark) co_return tl::unexpected(mark.error());
  const auto stopped = co_await qmp_.execute("stop");
  if (!stopped) co_return tl::unexpected(stopped.error());
  const auto without_roms = co_await take_roms_out();
  if (!without_roms) co_return without_roms;
  const auto capable = co_await qmp_.execute("migrate-set-capabilities", migration_capabilities());
  if (!capable) co_return tl::unexpected(capable.error());
  json parameters = {{"max-bandwidth", save_bytes_per_second}};
  const auto fast = co_await qmp_.execute("migrate-set-parameters", std::move(parameters));
  if (!fast) co_return tl::unexpected(fast.error());
  co_return status{};
}

// Of a VM whose memory is a shared file.
task<status> vm::save_device_state() {
  auto state = open_file(path_ / state_name, O_RDWR | O_CREAT | O_TRUNC);
  if (!state) co_return tl::unexpected(state.error());
  co_return co_await migrate_to(std::move(*state));
}

// Of any other VM: QEMU writes its memory as well, and it is taken out on the way.
task<status> vm::save_all() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) co_return tl::unexpected(std::string("cannot make a pipe"));
  unique_fd read_end(ends[0]);
  unique_fd write_end(ends[1]);
  ::fcntl(write_end.get(), F_SETPIPE_SZ, pipe_bytes);
  auto split = [path = path_, from = std::make_shared<unique_fd>(std::move(read_end)),
                bytes = std::uint64_t{record_.facts.machine.memory_mb} << 20,
                limit = host_.options.snapshot_limit]() -> status {
    const auto memory = open_file(path / memory_name, O_RDWR | O_CREAT | O_TRUNC);
    if (!memory) return tl::unexpected(memory.error());
    const auto state = open_file(path / state_name, O_RDWR | O_CREAT | O_TRUNC);
    if (!state) return tl::unexpected(state.error());
    auto done =
        split_memory_stream({from->get(), memory->get(), state->get(), memory_block, bytes, limit});
    // QEMU notices that nobody reads any more.
    *from = unique_fd();
    return done;
  };
  const auto splitting = begin_on(host_.io, host_.slow_pool, std::move(split));
  const auto saved = co_await migrate_to(std::move(write_end));
  co_await splitting->done.wait();
  // The one that failed first is why the other failed.
  if (!splitting->result && !saved)
    co_return tl::unexpected(saved.error() + "; " + splitting->result.error());
  co_return saved ? splitting->result : saved;
}

task<status> vm::migrate_to(unique_fd target) {
  json name = {{"fdname", "state"}};
  const auto given = co_await qmp_.execute("getfd", name, target.get());
  target = unique_fd();
  if (!given) co_return tl::unexpected(given.error());
  json uri = {{"uri", "fd:state"}};
  const auto begun = co_await qmp_.execute("migrate", std::move(uri));
  if (!begun) {
    // Or who reads the other end would wait for it.
    static_cast<void>(co_await qmp_.execute("closefd", std::move(name)));
    co_return tl::unexpected(begun.error());
  }
  const auto result =
      co_await qmp_.wait_event("MIGRATION", is_final_migration, host_.options.snapshot_limit);
  if (!result) co_return tl::unexpected(result.error());
  if (result->value("status", std::string{}) != "completed")
    co_return tl::unexpected(std::string("QEMU could not save the VM's state"));
  co_return status{};
}

// QEMU saves no VM that has a vmdk open. The guest is stopped and will not notice that its ROM
// drive is another one; what it reads there next it reads as a clone.
task<status> vm::take_roms_out() {
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
  tl::expected<json, std::string> closed;
  // It has one of them.
  for (const auto* node : {own_rom_files_node, rom_files_node}) {
    json files = {{"node-name", node}};
    closed = co_await qmp_.execute("blockdev-del", std::move(files));
    if (closed) co_return status{};
  }
  co_return tl::unexpected(closed.error());
}

// The other way round. It may have come to a stop anywhere in take_roms_out(), so that what is
// there already is no error; only the reopening decides.
task<status> vm::put_roms_back() {
  json list = {{"driver", "file"}, {"filename", rom_drive_name}, {"read-only", true}};
  json files = {{"driver", "vmdk"},
                {"node-name", rom_files_node},
                {"file", std::move(list)},
                {"read-only", true}};
  static_cast<void>(co_await qmp_.execute("blockdev-add", std::move(files)));
  json drive = {{"driver", "raw"},
                {"node-name", rom_drive_node},
                {"file", rom_files_node},
                {"read-only", true}};
  json reopened = {{"options", json::array({std::move(drive)})}};
  const auto changed = co_await qmp_.execute("blockdev-reopen", std::move(reopened));
  if (!changed) co_return tl::unexpected(changed.error());
  json nothing = {{"node-name", "no-roms"}};
  static_cast<void>(co_await qmp_.execute("blockdev-del", std::move(nothing)));
  co_return status{};
}

// A guest that was stopped to be saved goes on, from wherever that was given up.
task<status> vm::go_on() {
  qmp_.close();
  auto forget = [&store = host_.snapshots, path = path_] {
    store.unseal(path);
    return true;
  };
  co_await on_pool(host_.slow_pool, std::move(forget));
  auto connected = co_await qmp_.connect(directory_.get(), qmp_socket_name);
  if (!connected) co_return connected;
  static_cast<void>(co_await qmp_.execute("migrate_cancel"));
  const auto with_roms = co_await put_roms_back();
  if (!with_roms) co_return with_roms;
  const auto continued = co_await qmp_.execute("cont");
  qmp_.close();
  if (!continued) co_return tl::unexpected(continued.error());
  std::error_code ignored;
  std::filesystem::remove(path_ / saving_mark_name, ignored);
  co_return status{};
}

task<status> vm::quit_qemu() {
  // Its answer may be lost, because QEMU ends; what counts is that it ends.
  static_cast<void>(co_await qmp_.execute("quit"));
  const bool gone = co_await process_gone_.wait(quit_limit);
  if (!gone)
    co_return tl::unexpected(std::string("QEMU did not end after it had saved the VM's state"));
  co_return status{};
}

}  // namespace platen::hypervisor::qemu
