// PID 1 of a Platen guest. Brings the machine up, hands over to the agent, and switches it off.
#include <fcntl.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <csignal>

#include "hypervisor/guest/init/agent.hpp"
#include "hypervisor/guest/init/devices.hpp"
#include "hypervisor/guest/init/root.hpp"

namespace {

using namespace platen::guest;

result<owned_fd> open_port(const std::string& name, int access) {
  const auto node = await_port(name);
  if (!node) return tl::unexpected(node.error());
  owned_fd port(::open(node->c_str(), access | O_NONBLOCK | O_CLOEXEC));
  if (!port.is_open()) return errno_error("cannot open the port " + name);
  return port;
}

result<agent_devices> open_devices() {
  agent_devices devices;
  auto agent_port = open_port("platen.agent", O_RDWR);
  if (!agent_port) return tl::unexpected(agent_port.error());
  devices.agent_port = std::move(*agent_port);
  auto output_port = open_port("platen.output", O_WRONLY);
  if (!output_port) return tl::unexpected(output_port.error());
  devices.output_port = std::move(*output_port);
  devices.rom_disk = find_disk("platen-rom").value_or("");
  return devices;
}

status bring_up_root() {
  const auto disk = find_disk("platen-root");
  if (!disk) return tl::unexpected(disk.error());
  return enter_root(*disk);
}

void serve() {
  if (auto mounted = mount_early(); !mounted) return log_line(mounted.error());
  log_line("started");
  if (auto loaded = load_modules(); !loaded) return log_line(loaded.error());
  auto devices = open_devices();
  if (!devices) return log_line(devices.error());
  const auto network = configure_network();
  const auto root = bring_up_root();
  agent guest(std::move(*devices));
  if (!root) return guest.give_up("disk", root.error());
  if (!network) return guest.give_up("boot", network.error());
  guest.run();
}

}  // namespace

int main() {
  ::signal(SIGPIPE, SIG_IGN);
  serve();
  leave_root();
  log_line("power off");
  ::reboot(RB_POWER_OFF);
  // A machine that cannot switch itself off ends by its reset, which QEMU takes for an end too.
  ::reboot(RB_AUTOBOOT);
  return 1;
}
