// What the folder of a VM or of a snapshot takes on disk.
#pragma once

#include <filesystem>
#include <vector>

#include "hypervisor/hypervisor.hpp"

namespace platen::hypervisor::qemu {

// One entry a kind of file, from what the file system says of each file: nothing is read. A
// symbolic link counts as what it leads to. At most a few hundred files are looked at. Empty if the
// folder is not there.
std::vector<disk_part> disk_use_of(const std::filesystem::path& folder);

}  // namespace platen::hypervisor::qemu
