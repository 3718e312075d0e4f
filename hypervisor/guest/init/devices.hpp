// What the machine has: modules to drive it, disks by serial, ports by name, the network.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

// Loads every module that the initramfs lists in /modules/order, one file name a line. A module
// whose device is not there is loaded all the same; a module that cannot be loaded is an error.
status load_modules();

// The device node of the virtio disk with this serial: "/dev/vda".
result<std::string> find_disk(const std::string& serial);

// The device node of the virtio-serial port with this name: "/dev/vport0p1". Waits until the
// device has announced it, at most 10 seconds.
result<std::string> await_port(const std::string& name);

// lo and, if there is one, the first other interface: 10.0.2.15/24 by way of 10.0.2.2, which is
// what QEMU's user network expects.
status configure_network();

// Gives that interface this hardware address while it is up, and tells its neighbours, so that
// connections go on. Nothing without an interface.
using hardware_address = std::array<std::uint8_t, 6>;
status set_hardware_address(const hardware_address& address);

}  // namespace platen::guest
