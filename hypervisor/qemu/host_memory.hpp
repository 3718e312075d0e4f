// What the host says about its memory: how much is available, and that programs wait for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "hypervisor/images/unique_fd.hpp"

namespace platen::hypervisor::qemu {

// MemAvailable of /proc/meminfo, in bytes; nothing if the text does not say it.
std::optional<std::uint64_t> parse_available_memory(std::string_view meminfo);
std::optional<std::uint64_t> available_memory();

// Memory a process takes, a page shared by n processes as 1/n of it (Pss), in bytes.
std::optional<std::uint64_t> parse_proportional_memory(std::string_view smaps_rollup);
std::optional<std::uint64_t> proportional_memory(std::int64_t pid);

// A descriptor that poll() reports POLLPRI of when programs have waited for memory for 200 ms
// within 2 s (pressure stall information; windows of 2 s are the ones every user may ask for).
// Nothing where the kernel does not offer it.
std::optional<images::unique_fd> open_memory_pressure(
    const std::filesystem::path& file = "/proc/pressure/memory");

}  // namespace platen::hypervisor::qemu
