#include "tools/benchmarks/clones/plain_starter.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <mutex>
#include <random>
#include <stdexcept>
#include <vector>

#include "hypervisor/images/image_store.hpp"
#include "tests/hypervisor/guest/vm.hpp"
#include "tools/benchmarks/stopwatch.hpp"

namespace platen::benchmarks {
namespace {

namespace fs = std::filesystem;
namespace wire = guest::wire;
using namespace std::chrono_literals;

constexpr auto snapshot_name = "warm";

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

std::int64_t now_ns() {
  return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

// A UUID whose last digits are the number: enough to tell VMs of one run apart.
std::string uuid_of(std::size_t number) {
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012zu", number + 1);
  return text;
}

std::vector<std::uint8_t> fresh_entropy() {
  std::random_device device;
  std::vector<std::uint8_t> bytes(64);
  for (auto& byte : bytes)
    byte = static_cast<std::uint8_t>(device());
  return bytes;
}

void add_variable(wire::StartT& to, const std::string& name, const std::string& value) {
  auto variable = std::make_unique<wire::VariableT>();
  variable->name = name;
  variable->value = value;
  to.env.push_back(std::move(variable));
}

class plain_starter : public vm_starter {
 public:
  plain_starter(plain_target target, unsigned memory_mb)
      : target_(std::move(target)), memory_mb_(memory_mb) {
    const auto images = hypervisor::image_store::open(target_.images);
    if (!images) throw std::runtime_error(images.error());
    const auto found = (*images)->find(target_.image);
    if (!found) throw std::runtime_error(found.error());
    image_ = *found;
    fs::create_directories(target_.place);
    test::make_rom_drive(target_.place / "rom.raw");
    if (target_.method != plain_method::boot) prepare();
  }

  start_times start(std::size_t number) override {
    auto options = options_of("vm-" + std::to_string(number));
    const stopwatch clock;
    start_times times;
    provide_disk(options);
    auto machine = std::make_unique<test::vm>(options);
    if (target_.method == plain_method::incoming) machine->restore(target_.place / "state");
    times.running = clock.seconds() * 1000;
    machine->greet(1);
    times.agent_answer = clock.seconds() * 1000;
    if (target_.method == plain_method::boot)
      begin(*machine);
    else
      resume(*machine, number);
    await_first_byte("127.0.0.1", options.host_port);
    times.first_byte = clock.seconds() * 1000;
    const std::lock_guard guard(mutex_);
    running_.push_back(std::move(machine));
    return times;
  }

 private:
  test::vm_options options_of(const std::string& name) const {
    test::vm_options options;
    options.folder = target_.place / name;
    options.root_disk = options.folder / "root.qcow2";
    options.rom_drive = target_.place / "rom.raw";
    options.memory_mb = memory_mb_;
    options.host_port = free_port();
    if (target_.method == plain_method::incoming) {
      options.memory = target_.place / "memory";
      options.clone = true;
    }
    if (target_.method == plain_method::loadvm) options.load_snapshot = snapshot_name;
    return options;
  }

  void provide_disk(const test::vm_options& options) const {
    fs::create_directories(options.folder);
    switch (target_.method) {
      case plain_method::boot:
        return test::make_overlay(options.root_disk, image_.disk, "raw");
      case plain_method::incoming:
        return test::make_overlay(options.root_disk, target_.place / "template.qcow2", "qcow2");
      case plain_method::loadvm:
        fs::copy_file(target_.place / "template.qcow2", options.root_disk);
    }
  }

  // Boots, waits for the workload's signal and keeps what clones are made of.
  void prepare() {
    test::make_overlay(target_.place / "template.qcow2", image_.disk, "raw");
    test::vm_options options;
    options.folder = target_.place / "preparation";
    options.root_disk = target_.place / "template.qcow2";
    options.rom_drive = target_.place / "rom.raw";
    options.memory_mb = memory_mb_;
    if (target_.method == plain_method::incoming) options.memory = target_.place / "memory";
    test::vm machine(options);
    machine.greet(1);
    begin(machine);
    machine.expect<wire::Signal>();
    if (target_.method == plain_method::incoming) return machine.snapshot(target_.place / "state");
    const auto said = machine.qmp("human-monitor-command",
                                  {{"command-line", std::string("savevm ") + snapshot_name}});
    if (said.is_string() && !said.get_ref<const std::string&>().empty())
      throw std::runtime_error("savevm: " + said.get<std::string>());
    machine.qmp("quit");
    machine.await_exit();
  }

  void begin(test::vm& machine) const {
    wire::StartT start;
    start.args = image_.config.entrypoint;
    add_variable(start, "DEMO_WARM_UP_MS", target_.warm_up);
    if (target_.method == plain_method::boot) add_variable(start, "DEMO_SIGNAL", "/dev/null");
    start.hostname = "plain";
    start.machine_id = std::string(32, '1');
    start.boot_id = uuid_of(0);
    start.time_ns = now_ns();
    machine.send(std::move(start));
    machine.expect<wire::Started>();
  }

  static void resume(test::vm& machine, std::size_t number) {
    wire::ResumeT order;
    order.nonce = number + 1;
    order.entropy = fresh_entropy();
    order.time_ns = now_ns();
    order.generation_id = uuid_of(number);
    order.hostname = "plain-" + std::to_string(number);
    order.machine_id = std::string(32, '2');
    order.boot_id = uuid_of(number);
    machine.send(std::move(order));
    machine.expect<wire::Resumed>();
  }

  const plain_target target_;
  const unsigned memory_mb_;
  hypervisor::image image_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<test::vm>> running_;
};

}  // namespace

std::unique_ptr<vm_starter> make_plain_starter(const plain_target& target, unsigned memory_mb) {
  return std::make_unique<plain_starter>(target, memory_mb);
}

}  // namespace platen::benchmarks
