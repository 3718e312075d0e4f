// Fresh identities from the kernel's random number generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace platen::hypervisor::qemu {

std::vector<std::uint8_t> random_bytes(std::size_t count);
std::string random_uuid();        // version 4
std::string random_machine_id();  // 32 lower-case hex digits, as in /etc/machine-id
std::int64_t wall_clock_ns();     // since the Unix epoch
std::string wall_clock_text();    // ISO 8601, UTC, whole seconds

}  // namespace platen::hypervisor::qemu
