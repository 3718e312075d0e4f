// What saving and loading a VM's state have in common: both are a migration to QEMU.
#pragma once

#include "hypervisor/qemu/qmp.hpp"

namespace platen::hypervisor::qemu {

// Arguments of migrate-set-capabilities: both sides must have set the same.
nlohmann::json migration_capabilities();

// Whether the data of a MIGRATION event say that it is over, well or not.
bool is_final_migration(const nlohmann::json& data);

// Loads the state behind QEMU's descriptor `state_fd` into a QEMU started with -incoming defer. The
// guest stands still afterwards.
task<tl::expected<void, std::string>> load_saved_state(qmp_client& qmp, int state_fd,
                                                       milliseconds limit);

}  // namespace platen::hypervisor::qemu
