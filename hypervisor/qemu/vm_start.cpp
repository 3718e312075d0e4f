// How a VM comes to run: booted, cloned, or taken over from an earlier daemon.
#include <fcntl.h>

#include <exception>

#include "hypervisor/qemu/identity.hpp"
#include "hypervisor/qemu/migration.hpp"
#include "hypervisor/qemu/vm.hpp"
#include "hypervisor/qemu/warm_pool.hpp"

namespace platen::hypervisor::qemu {

namespace {

using nlohmann::json;

// The kernel's pool takes 32 bytes; twice that costs nothing.
constexpr std::size_t entropy_bytes = 64;

std::vector<std::unique_ptr<wire::RomT>> to_wire(const std::vector<placed_rom>& roms) {
  std::vector<std::unique_ptr<wire::RomT>> list;
  for (const auto& rom : roms) {
    auto place = std::make_unique<wire::RomT>();
    place->name = rom.what.name;
    place->at = rom.what.at;
    place->filesystem = rom.filesystem;
    place->offset = rom.offset;
    place->length = rom.length;
    list.push_back(std::move(place));
  }
  return list;
}

// The arguments of an order take the place of the image's command, not of its entry point.
std::vector<std::string> workload_arguments(const vm_spec& spec, const image_config& image) {
  auto arguments = image.entrypoint;
  const auto& rest = spec.args.empty() ? image.cmd : spec.args;
  arguments.insert(arguments.end(), rest.begin(), rest.end());
  return arguments;
}

std::vector<std::unique_ptr<wire::VariableT>> workload_environment(const vm_spec& spec,
                                                                   const image_config& image) {
  auto merged = image.env;
  for (const auto& variable : spec.env)
    merged[variable.name] = variable.value;
  std::vector<std::unique_ptr<wire::VariableT>> list;
  for (const auto& [name, value] : merged) {
    auto variable = std::make_unique<wire::VariableT>();
    variable->name = name;
    variable->value = value;
    list.push_back(std::move(variable));
  }
  return list;
}

wire::StartT start_order(const boot_order& order, const launched_vm& vm) {
  wire::StartT start;
  start.args = workload_arguments(order.spec, vm.workload);
  start.env = workload_environment(order.spec, vm.workload);
  start.workdir = vm.workload.workdir;
  start.user = vm.workload.user;
  start.hostname = order.spec.hostname;
  start.machine_id = random_machine_id();
  start.boot_id = random_uuid();
  start.roms = to_wire(vm.added_roms);
  return start;
}

}  // namespace

task<void> vm::boot(boot_order order) {
  const auto self = shared_from_this();
  const auto in_progress = host_.warm->order_begins();
  const auto place = co_await host_.boot_places->acquire();
  step done;
  try {
    done = co_await try_boot(std::move(order));
  } catch (const std::exception& error) {
    done = fail(stage::boot, error.what());
  }
  if (!done) {
    co_await abandon(done.error());
    co_return;
  }
  tell(booted{running_});
  go_on_running();
}

task<vm::step> vm::try_boot(boot_order order) {
  if (!asked_to_end_.empty()) co_return fail(stage::boot, asked_to_end_);
  auto launch = [this, order] { return launch_boot(host_, order); };
  auto launched = co_await on_pool(host_.pool, std::move(launch));
  if (!launched) co_return tl::unexpected(launched.error());
  auto start = start_order(order, *launched);
  take(std::move(*launched));
  if (!asked_to_end_.empty()) co_return fail(stage::boot, asked_to_end_);

  const auto connected = agent_.connect(directory_.get(), agent_socket_name);
  if (!connected) co_return fail(stage::boot, connected.error());
  const auto monitored = co_await connect_and_learn_ports();
  qmp_.close();
  if (!monitored) co_return fail(stage::boot, monitored.error());
  const auto greeting = co_await agent_.handshake(host_.options.boot_limit);
  if (!greeting) co_return fail(stage::boot, greeting.error());
  start.time_ns = wall_clock_ns();
  const auto started = co_await agent_.start(std::move(start), host_.options.boot_limit);
  if (!started) co_return fail(stage::boot, started.error());
  co_return step{};
}

task<tl::expected<void, std::string>> vm::connect_and_learn_ports() {
  auto connected = co_await qmp_.connect(directory_.get(), qmp_socket_name);
  if (!connected) co_return connected;
  co_return co_await learn_ports();
}

task<tl::expected<void, std::string>> vm::learn_ports() {
  json arguments = {{"command-line", "info usernet"}};
  const auto text = co_await qmp_.execute("human-monitor-command", std::move(arguments));
  if (!text) co_return tl::unexpected(text.error());
  running_.ports.clear();
  if (text->is_string())
    for (const auto& forward : parse_usernet(text->get_ref<const std::string&>()))
      running_.ports.push_back({forward.guest_port, forward.host_port});
  co_return tl::expected<void, std::string>{};
}

task<void> vm::clone(clone_order order, time_point ordered_at) {
  const auto self = shared_from_this();
  const auto in_progress = host_.warm->order_begins();
  ordered_at_ = ordered_at;
  record_.origin = vm_origin::cloned;
  const auto place = co_await host_.clone_places->acquire();
  step done;
  try {
    done = co_await try_clone(std::move(order));
  } catch (const std::exception& error) {
    done = fail(stage::clone, error.what());
  }
  if (!done) {
    co_await abandon(done.error());
    co_return;
  }
  tell(cloned{running_});
  go_on_running();
}

task<vm::step> vm::try_clone(clone_order order) {
  if (!asked_to_end_.empty()) co_return fail(stage::clone, asked_to_end_);
  const auto warm = co_await try_warm_clone(order);
  if (warm) co_return *warm;
  co_return co_await try_spawned_clone(order);
}

task<vm::step> vm::try_spawned_clone(const clone_order& order) {
  auto launch = [this, order] { return launch_clone(host_, order); };
  auto launched = co_await on_pool(host_.pool, std::move(launch));
  if (!launched) co_return tl::unexpected(launched.error());
  const auto roms = launched->added_roms;
  const auto loaded = co_await load(std::move(*launched), stage::clone);
  if (!loaded) co_return loaded;
  const auto greeted = co_await greet();
  if (!greeted) co_return greeted;
  const auto ordered = co_await order_resume(order, roms);
  if (!ordered) co_return ordered;
  const auto running = co_await let_run();
  qmp_.close();
  if (!running) co_return running;
  const auto welcome = co_await await_welcome();
  if (!welcome) co_return welcome;
  co_return co_await await_resumed();
}

task<vm::step> vm::load(launched_vm launched, stage where) {
  const int state_fd = launched.state_fd;
  take(std::move(launched));
  if (!asked_to_end_.empty()) co_return fail(where, asked_to_end_);
  const auto connected = agent_.connect(directory_.get(), agent_socket_name);
  if (!connected) co_return fail(where, connected.error());
  const auto monitored = co_await connect_and_learn_ports();
  if (!monitored) co_return fail(where, monitored.error());
  const auto loaded = co_await load_saved_state(qmp_, state_fd, host_.options.clone_limit);
  if (!loaded) co_return fail(where, loaded.error());
  co_return step{};
}

task<vm::step> vm::let_run() {
  const auto continued = co_await qmp_.execute("cont");
  if (!continued) co_return fail(stage_of_start(record_.origin), continued.error());
  running_.ran_after_us = static_cast<std::uint64_t>(
      (std::chrono::steady_clock::now() - ordered_at_) / std::chrono::microseconds(1));
  co_return step{};
}

task<vm::step> vm::greet() {
  const auto sent = co_await agent_.greet(host_.options.clone_limit);
  if (!sent) co_return fail(stage::clone, sent.error());
  co_return step{};
}

task<vm::step> vm::order_resume(const clone_order& order, const std::vector<placed_rom>& roms) {
  wire::ResumeT resume;
  resume.entropy = random_bytes(entropy_bytes);
  resume.generation_id = record_.generation_id;
  resume.hostname = order.hostname;
  resume.machine_id = random_machine_id();
  resume.boot_id = random_uuid();
  resume.roms = to_wire(roms);
  resume.time_ns = wall_clock_ns();
  const auto sent = co_await agent_.order_resume(std::move(resume), host_.options.clone_limit);
  if (!sent) co_return fail(stage::resume, sent.error());
  co_return step{};
}

task<vm::step> vm::await_welcome() {
  const auto greeting = co_await agent_.await_welcome(host_.options.clone_limit);
  if (!greeting) co_return fail(stage::clone, greeting.error());
  if (!greeting->has_workload()) co_return fail(stage::resume, "there is no workload in the clone");
  co_return step{};
}

task<vm::step> vm::await_resumed() {
  const auto resumed = co_await agent_.await_resumed(host_.options.clone_limit);
  if (!resumed) co_return fail(stage::resume, resumed.error());
  co_return step{};
}

task<void> vm::resume(resume_order order, time_point ordered_at) {
  const auto self = shared_from_this();
  const auto in_progress = host_.warm->order_begins();
  ordered_at_ = ordered_at;
  record_.origin = vm_origin::resumed;
  const auto place = co_await host_.clone_places->acquire();
  step done;
  try {
    done = co_await try_resume(std::move(order));
  } catch (const std::exception& error) {
    done = fail(stage::resume, error.what());
  }
  if (!done) {
    co_await abandon(done.error());
    co_return;
  }
  tell_up();
  go_on_running();
}

task<vm::step> vm::try_resume(resume_order order) {
  if (!asked_to_end_.empty()) co_return fail(stage::resume, asked_to_end_);
  auto launch = [this, order] { return launch_resume(host_, order); };
  auto launched = co_await on_pool(host_.pool, std::move(launch));
  if (!launched) co_return tl::unexpected(launched.error());
  const auto loaded = co_await load(std::move(*launched), stage::resume);
  if (!loaded) co_return loaded;
  const auto running = co_await let_run();
  qmp_.close();
  if (!running) co_return running;
  const auto greeting = co_await agent_.handshake(host_.options.clone_limit);
  if (!greeting) co_return fail(stage::resume, greeting.error());
  if (greeting->generation_id != record_.generation_id)
    co_return fail(stage::resume, "the guest that woke up is not the one that was suspended");
  learn(*greeting);
  co_return co_await wake_as_before();
}

task<vm::step> vm::wake_as_before() {
  const auto awake = co_await agent_.wake(wall_clock_ns(), host_.options.clone_limit);
  if (!awake) co_return fail(stage::resume, awake.error());
  co_return step{};
}

task<void> vm::adopt() {
  const auto self = shared_from_this();
  step done;
  try {
    done = co_await try_adopt();
  } catch (const std::exception& error) {
    done = fail(stage::run, error.what());
  }
  if (done) {
    tell_up();
    go_on_running();
    // The daemon that has announced it, if one has, does not put it to sleep any more.
    announce_sleep(sleep_news::called_off);
    co_return;
  }
  // An adopted VM that is of no use is ended, but its directory stays for its logs.
  co_await end_process();
  auto what = make_exited();
  if (asked_to_end_.empty() && !what.exit_known) what.reason = done.error().reason;
  const report last{ref_, std::move(what)};
  if (!removing_) host_.report_to_actor(last);
  become_ended(last);
}

task<vm::step> vm::try_adopt() {
  auto look = [this]() -> tl::expected<launched_vm, std::string> {
    auto record = read_record(path_);
    if (!record) return tl::unexpected(record.error());
    auto qemu = find_process(path_, *record);
    if (!qemu) return tl::unexpected(std::string("QEMU was gone when the daemon came back"));
    auto directory = open_file(path_, O_RDONLY | O_DIRECTORY);
    if (!directory) return tl::unexpected(directory.error());
    launched_vm found;
    found.record = std::move(*record);
    found.qemu = std::move(*qemu);
    found.directory = std::move(*directory);
    return found;
  };
  auto found = co_await on_pool(host_.pool, std::move(look));
  if (!found) co_return fail(stage::run, found.error());
  take(std::move(*found));

  const auto monitored = co_await connect_and_learn_ports();
  if (!monitored) co_return fail(stage::run, monitored.error());
  const auto status = co_await qmp_.execute("query-status");
  qmp_.close();
  if (!status) co_return fail(stage::run, status.error());
  const bool stood_still = !status->value("running", false);
  if (stood_still) {
    const auto awake = co_await adopt_stopped();
    if (!awake) co_return awake;
  }
  const auto agent = agent_.connect(directory_.get(), agent_socket_name);
  if (!agent) co_return fail(stage::run, agent.error());
  const auto greeting = co_await agent_.handshake(host_.options.clone_limit);
  if (!greeting) co_return fail(stage::run, greeting.error());
  learn(*greeting);
  const auto judged = judge_adopted(*greeting);
  // One that was being resumed may not have been told the time yet either.
  const bool clock_is_right = !stood_still && record_.origin != vm_origin::resumed;
  if (!judged || clock_is_right) co_return judged;
  co_return co_await wake_as_before();
}

// An instance that was being saved goes on; nothing else that stands still is of use.
task<vm::step> vm::adopt_stopped() {
  std::error_code ignored;
  const bool was_being_saved = std::filesystem::exists(path_ / saving_mark_name, ignored);
  if (!was_being_saved || !is_instance())
    co_return fail(stage::run, was_being_saved
                                   ? "the VM was being snapshotted when its daemon was replaced"
                                   : "the VM was being started when its daemon was replaced");
  const auto continued = co_await go_on();
  if (!continued) co_return fail(stage::run, continued.error());
  co_return step{};
}

vm::step vm::judge_adopted(const welcome& greeting) {
  if (greeting.phase == wire::Phase::Exited) {
    workload_exit_ = greeting.exit_code;
    return fail(stage::run, end_reason());
  }
  if (greeting.phase == wire::Phase::Idle)
    return fail(stage::run, "the daemon was replaced before the workload was started");
  if (greeting.generation_id != record_.generation_id)
    return fail(stage::run, "the daemon was replaced before the clone was resumed");
  return {};
}

}  // namespace platen::hypervisor::qemu
