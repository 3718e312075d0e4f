// The same guest by QEMU alone: the machine, kernel, initramfs, image and agent that Platen uses,
// without Platen. The bar to be measured against.
#pragma once

#include <filesystem>
#include <string>

#include "tools/benchmarks/clones/series.hpp"

namespace platen::benchmarks {

enum class plain_method {
  boot,
  incoming,  // -incoming with the memory in a file that all clones map, as Platen does it
  loadvm,    // -loadvm of a snapshot inside of a qcow2 file, of which each VM has its own copy
};

struct plain_target {
  plain_method method = plain_method::boot;
  std::filesystem::path images;  // platend's
  std::string image;
  std::string warm_up;          // of the demo image, in milliseconds
  std::filesystem::path place;  // for disks, states and sockets
};

// Prepares what is cloned, if anything is, before it returns.
std::unique_ptr<vm_starter> make_plain_starter(const plain_target& target, unsigned memory_mb);

}  // namespace platen::benchmarks
