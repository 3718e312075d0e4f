// Makes an empty qcow2 overlay without starting qemu-img (which costs a process per clone).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <tl/expected.hpp>

namespace platen::hypervisor::qemu {

// Writes an overlay in which nothing is allocated yet. It names no backing file: QEMU is told the
// backing on its command line, so that a header can never lead to another file. Not synced.
// `virtual_bytes` is the disk's size as the guest sees it, a multiple of 512.
tl::expected<void, std::string> create_overlay(const std::filesystem::path& path,
                                               std::uint64_t virtual_bytes);

}  // namespace platen::hypervisor::qemu
