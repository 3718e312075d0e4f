#include "tools/platend/rom_collection.hpp"

#include <spdlog/spdlog.h>

namespace platen::platend {

std::set<std::string> roms_in_use(const actors::control_plane& control) {
  std::set<std::string> digests;
  const auto add = [&](const auto& entities) {
    for (const auto& entity : entities)
      for (const auto& rom : entity->spec.roms)
        digests.insert(rom.digest);
  };
  add(control.instances());
  add(control.templates());
  return digests;
}

void remove_unused_roms(const actors::control_plane& control, hypervisor::rom_store& roms) {
  const auto removed = roms.remove_unreferenced(roms_in_use(control));
  if (removed > 0) spdlog::info("{} ROMs that nobody refers to were removed", removed);
}

}  // namespace platen::platend
