// Which ROMs a VM may have. Pure; the same rules for a request, an actor and a driver.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/hypervisor.hpp"

namespace platen::hypervisor {

// Of a VM, those of the templates below it included (reference/unikraft-api.md §10).
inline constexpr std::size_t roms_per_vm_limit = 8;

// The ROMs of `own` that a VM gets besides those it has from its template. A ROM that is equal to
// one of the template's (name, mount point and content) is that one. The error is a sentence that
// names the ROM: names and mount points must not be used twice, and `roms_per_vm_limit` holds for
// all together.
tl::expected<std::vector<rom>, std::string> added_roms(const std::vector<rom>& own,
                                                       const std::vector<rom>& inherited);

}  // namespace platen::hypervisor
