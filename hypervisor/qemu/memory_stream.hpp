// Takes a guest's memory out of QEMU's migration stream and puts it into a file of its own.
//
// A VM whose memory is not a shared file, which is every instance, is saved by QEMU as one stream
// that has all memory in it, page by page. Split in two it is the same as what a VM with its
// memory in a file leaves: a memory file that is mapped when the VM continues, so that this takes
// no longer for more memory, and a small state.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace platen::hypervisor::qemu {

// `memory_block` is QEMU's name for the guest's memory, `memory_bytes` its size. The stream must
// have been made with the capability x-ignore-shared, and is to be loaded with it. Pages of zeros
// become holes: the memory file must be empty, or at least zeros, before.
struct memory_split {
  int stream_fd = -1;  // read to its end: a pipe or a file
  int memory_fd = -1;
  int state_fd = -1;
  std::string_view memory_block;
  std::uint64_t memory_bytes = 0;
  std::chrono::milliseconds limit{0};  // for the whole of it
};

// Blocks. The error is a sentence; then the two files are of no use.
tl::expected<void, std::string> split_memory_stream(const memory_split& what);

}  // namespace platen::hypervisor::qemu
