// From the initramfs to the workload's root file system.
#pragma once

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

// /proc, /sys and /dev of the initramfs itself.
status mount_early();

// Mounts the disk, gives it /proc, /sys, /dev, /dev/pts, /dev/shm, /run and /tmp, makes it the root
// and frees the memory of the initramfs.
status enter_root(const std::string& disk);

// Creates a folder and its parents below the root. Symbolic links on the way are refused: one
// could lead into the agent's own file system, which cannot answer while the agent asks.
status make_folders(const std::string& absolute);

// Synced, and read-only if nothing keeps it from being so.
void leave_root();

}  // namespace platen::guest
