// What must differ between clones of one snapshot: randomness, names and ids.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

// Credits the bytes to the kernel's pool and makes the generator draw a new key from it at once.
// The first alone is not enough: clones went on to return equal bytes (measured on Linux 6.1).
status reseed_random(std::span<const std::uint8_t> entropy);

struct names {
  std::string hostname;    // empty: left as it is
  std::string machine_id;  // 32 hex digits; empty: left as it is
  std::string boot_id;     // a UUID; empty: left as it is
};

// Sets the host name, /etc/hostname, /etc/machine-id and /proc/sys/kernel/random/boot_id, and
// keeps the host's own line in /etc/hosts if that file is the agent's.
status set_names(const names& wanted);

// /etc/resolv.conf and /etc/hosts, where the image has none.
status provide_network_files();

}  // namespace platen::guest
