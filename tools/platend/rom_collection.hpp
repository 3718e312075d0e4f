// Which ROMs may be thrown away.
#pragma once

#include <set>
#include <string>

#include "actors/control_plane.hpp"
#include "hypervisor/images/rom_store.hpp"

namespace platen::platend {

// The digests that instances and templates refer to. VMs and snapshots do not need the store.
std::set<std::string> roms_in_use(const actors::control_plane& control);

// Removes all other ROMs and logs how many. Reads the states of everything, so not for every
// delete.
void remove_unused_roms(const actors::control_plane& control, hypervisor::rom_store& roms);

}  // namespace platen::platend
