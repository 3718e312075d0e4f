// Reading a part of a log whose oldest bytes may be gone (log_bounds.hpp).
#pragma once

#include <cstdint>
#include <filesystem>

#include "hypervisor/hypervisor.hpp"

namespace platen::hypervisor::qemu {

// At most `limit` bytes, and never more than 1 MiB, from `offset` on; from the end if negative. An
// offset whose bytes are gone is moved to the oldest that are left. Empty if there is no log.
log_chunk read_log_file(const std::filesystem::path& path, std::int64_t offset,
                        std::uint64_t limit);

}  // namespace platen::hypervisor::qemu
