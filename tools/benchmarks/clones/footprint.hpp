// What running QEMU processes and their files take of the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace platen::benchmarks {

// Bytes, of /proc/PID/smaps_rollup. `pss` counts a page that n processes map as 1/n in each.
struct memory_use {
  std::size_t processes = 0;
  std::uint64_t pss = 0;
  std::uint64_t private_ = 0;
  std::uint64_t shared = 0;
};

// Of all QEMU processes whose working directory or command line has this path.
memory_use memory_of(const std::filesystem::path& place);

// Allocated bytes of the files below a folder that have no second name: what has one is shared.
std::uint64_t disk_bytes(const std::filesystem::path& folder);

}  // namespace platen::benchmarks
