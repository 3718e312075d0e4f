// What must differ between clones of one snapshot: randomness, names and ids.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "hypervisor/guest/init/shown_file.hpp"
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

// The files that tell who this machine is. They are the agent's own, bound over the image's: who
// may write them can, but the names themselves cannot be replaced by other files.
class shown_names {
 public:
  // Sets the host name, /etc/hostname, /etc/machine-id and /proc/sys/kernel/random/boot_id, and
  // keeps the host's own line in /etc/hosts if that file is the agent's.
  status set(const names& wanted);
  // /etc/resolv.conf and /etc/hosts, where the image has none.
  status provide_network_files();

 private:
  status write_hosts(const std::string& hostname);

  shown_file hostname_{"hostname", "/etc/hostname", 0644};
  shown_file hosts_{"hosts", "/etc/hosts", 0644};
  shown_file machine_id_{"machine-id", "/etc/machine-id", 0444};
  shown_file boot_id_{"boot-id", "/proc/sys/kernel/random/boot_id", 0444};
};

// The locally administered unicast address that belongs to a UUID: its last 40 bits behind 02. The
// same for all but 1 in 2^40 pairs of random UUIDs. The error names what is no UUID.
result<std::array<std::uint8_t, 6>> hardware_address_of(const std::string& uuid);

// Writes /run/platen/generation_id in place, so that who watches it by inotify is told once, by
// IN_CLOSE_WRITE. Empty before the first resume. Everybody may read it.
status publish_generation(const std::string& id);

}  // namespace platen::guest
