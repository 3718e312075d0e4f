// Between the log and the hypervisor: what either says, in the other's words.
#pragma once

#include <string>

#include "events/event.hpp"
#include "hypervisor/hypervisor.hpp"

namespace platen::actors {

std::vector<hypervisor::rom> to_hypervisor(const std::vector<events::rom>& roms);

// `fallback_hostname` is used where the spec names none; it is made a DNS label.
hypervisor::vm_spec to_hypervisor(const events::vm_spec& spec,
                                  const std::string& fallback_hostname);

// The clone's share of a spec: what may differ from its template.
hypervisor::clone_order to_clone_order(const hypervisor::vm_ref& vm, hypervisor::purpose why,
                                       const std::string& snapshot_id, const events::vm_spec& spec,
                                       const std::string& fallback_hostname);

hypervisor::resume_order to_resume_order(const hypervisor::vm_ref& vm,
                                         std::uint32_t suspended_attempt,
                                         const events::vm_spec& spec);

events::template_snapshotted to_event(std::uint32_t attempt, const hypervisor::snapshot_info& what);

// SHA-256 of the canonical form of a spec, lower-case hex: equal specs, equal fingerprints.
std::string fingerprint(const events::vm_spec& spec);

// The create_args members in which two specs differ, by their names in the API.
std::vector<std::string> differences(const events::vm_spec& a, const events::vm_spec& b);

}  // namespace platen::actors
