#include "hypervisor/qemu/command_line.hpp"

namespace platen::hypervisor::qemu {

namespace {

using arguments = std::vector<std::string>;

void append(arguments& to, arguments more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string inherited(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

arguments machine_arguments(const machine& machine) {
  return {"-machine",
          std::string(machine_type) + ",accel=" + machine.accelerator +
              ",rtc=on,pit=off,pic=off,isa-serial=on,memory-backend=memory",
          "-cpu",
          cpu_model(machine),
          "-smp",
          std::to_string(machine.vcpus),
          "-m",
          std::to_string(machine.memory_mb)};
}

// Devices sit on virtio-mmio slots in the order they are named here. Without werror=report QEMU
// stops a guest whose writes no longer fit the host's disk, and nobody would know why it is silent.
arguments device_arguments() {
  return {"-serial", "chardev:console",
          "-device", "virtio-blk-device,drive=root,serial=platen-root,werror=report",
          "-device", "virtio-blk-device,drive=rom,serial=platen-rom",
          "-device", "virtio-net-device,netdev=net,mac=52:54:00:12:34:56",
          "-device", "virtio-serial-device,max_ports=4",
          "-device", "virtserialport,chardev=agent,name=platen.agent",
          "-device", "virtserialport,chardev=output,name=platen.output"};
}

// `spawn=deny` is why state never travels through exec:, and why nothing in QEMU runs a program.
arguments process_arguments(const host_side& host) {
  return {host.qemu_binary,
          "-name",
          host.name,
          "-nodefaults",
          "-no-user-config",
          "-display",
          "none",
          "-no-reboot",
          "-sandbox",
          "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"};
}

// QEMU is handed listening sockets that exist before it does, so that nobody waits for them.
arguments channel_arguments() {
  const auto listener = [](const std::string& id, int fd) {
    return "socket,id=" + id + ",fd=" + std::to_string(fd) + ",server=on,wait=off";
  };
  const auto log = [](const std::string& id, const std::string& name) {
    return "file,id=" + id + ",path=" + name + ",append=on";
  };
  return {"-chardev", listener("qmp", qmp_listener_fd),
          "-mon",     "chardev=qmp,mode=control",
          "-chardev", log("console", console_log_name),
          "-chardev", listener("agent", agent_listener_fd),
          "-chardev", log("output", output_log_name)};
}

std::string network(const std::vector<std::uint16_t>& guest_ports) {
  std::string text = "user,id=net";
  // Host port 0: the kernel picks a free one; `info usernet` tells which.
  for (const auto port : guest_ports)
    text += ",hostfwd=tcp:127.0.0.1:0-:" + std::to_string(port);
  return text;
}

std::string raw_file(const std::string& node, int fd) {
  return "driver=file,node-name=" + node + ",filename=" + inherited(fd) + ",read-only=on";
}

arguments overlay_arguments(const std::string& backing_node) {
  return {"-blockdev", std::string("driver=file,node-name=overlay,filename=") + disk_name,
          "-blockdev", "driver=qcow2,node-name=root,file=overlay,backing=" + backing_node};
}

arguments layer_arguments(const inherited_files& files, int layer) {
  const auto name = "layer-" + std::to_string(layer);
  const auto below = layer == 0 ? "base" : "layer-" + std::to_string(layer - 1);
  return {"-blockdev", raw_file(name + "-file", files.layer_fd(layer)), "-blockdev",
          "driver=qcow2,node-name=" + name + ",file=" + name + "-file,backing=" + below +
              ",read-only=on"};
}

arguments rom_drive_arguments() {
  return {"-blockdev",
          std::string("driver=file,node-name=rom-list,read-only=on,filename=") + rom_drive_name,
          "-blockdev",
          std::string("driver=vmdk,node-name=") + rom_files_node + ",file=rom-list,read-only=on",
          "-blockdev",
          std::string("driver=raw,node-name=") + rom_drive_node + ",file=" + rom_files_node +
              ",read-only=on"};
}

// QEMU offers memory to the host for merging (KSM) unless it is told not to, and how long a write
// to a merged page takes tells a guest what others have.
std::string memory_object(const machine& machine, const std::string& kind) {
  return kind + ",id=memory,size=" + std::to_string(machine.memory_mb) + "M,merge=off";
}

}  // namespace

std::string cpu_model(const machine& machine) {
  return machine.accelerator == "kvm" ? "host" : "max";
}

std::vector<std::string> boot_command_line(const machine& machine, const host_side& host,
                                           const boot_files& files) {
  auto line = process_arguments(host);
  append(line, machine_arguments(machine));
  append(line, {"-kernel", files.kernel.string(), "-initrd", files.initramfs.string(), "-append",
                files.append});
  auto memory = memory_object(machine, "memory-backend-ram");
  if (files.memory_in_file)
    memory =
        memory_object(machine, "memory-backend-file") + ",mem-path=" + memory_name + ",share=on";
  append(line, {"-object", memory});
  append(line, channel_arguments());
  append(line, {"-blockdev", raw_file("base", base_disk_fd)});
  append(line, overlay_arguments("base"));
  append(line, rom_drive_arguments());
  append(line, {"-netdev", network(host.guest_ports)});
  append(line, device_arguments());
  return line;
}

std::vector<std::string> clone_command_line(const machine& machine, const host_side& host,
                                            const inherited_files& files, bool memory_in_file) {
  auto line = process_arguments(host);
  append(line, machine_arguments(machine));
  auto memory = memory_object(machine, "memory-backend-file") + ",mem-path=";
  // Private: written pages are the clone's own, all others are shared with every clone.
  memory += memory_in_file ? std::string(memory_name) + ",share=on"
                           : inherited(files.memory_fd()) + ",share=off";
  append(line, {"-object", memory});
  append(line, channel_arguments());
  append(line, {"-blockdev", raw_file("base", base_disk_fd)});
  for (int layer = 0; layer < files.layers; ++layer)
    append(line, layer_arguments(files, layer));
  append(line, overlay_arguments(files.layers == 0 ? "base"
                                                   : "layer-" + std::to_string(files.layers - 1)));
  append(line, rom_drive_arguments());
  append(line, {"-netdev", network(host.guest_ports)});
  append(line, device_arguments());
  append(line, {"-S", "-incoming", "defer"});
  return line;
}

std::string guest_visible_arguments(const machine& machine) {
  auto visible = machine_arguments(machine);
  append(visible, device_arguments());
  std::string text;
  for (const auto& argument : visible)
    text += argument + "\n";
  return text;
}

}  // namespace platen::hypervisor::qemu
