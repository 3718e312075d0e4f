#include "hypervisor/rom_rules.hpp"

#include <algorithm>

namespace platen::hypervisor {

namespace {

bool equal(const rom& a, const rom& b) {
  return a.name == b.name && a.at == b.at && a.digest == b.digest;
}

std::string clash(const rom& added, const rom& present, const std::string& owner) {
  if (added.name == present.name)
    return "ROM '" + added.name + "' has the name of another ROM of " + owner +
           "; give it a name of its own";
  if (!added.at.empty() && added.at == present.at)
    return "ROM '" + added.name + "' is to be mounted at " + added.at + ", where the ROM '" +
           present.name + "' of " + owner + " is mounted; choose another place";
  return {};
}

}  // namespace

tl::expected<std::vector<rom>, std::string> added_roms(const std::vector<rom>& own,
                                                       const std::vector<rom>& inherited) {
  std::vector<rom> added;
  for (const auto& rom : own) {
    const auto is_this = [&](const auto& other) { return equal(rom, other); };
    if (std::ranges::any_of(inherited, is_this)) continue;
    for (const auto& present : inherited)
      if (auto reason = clash(rom, present, "the template"); !reason.empty())
        return tl::unexpected(std::move(reason));
    for (const auto& present : added)
      if (auto reason = clash(rom, present, "the same instance"); !reason.empty())
        return tl::unexpected(std::move(reason));
    added.push_back(rom);
  }
  const auto all = inherited.size() + added.size();
  if (all > roms_per_vm_limit)
    return tl::unexpected("there are " + std::to_string(all) +
                          " ROMs, the template's included; an instance has at most " +
                          std::to_string(roms_per_vm_limit));
  return added;
}

}  // namespace platen::hypervisor
