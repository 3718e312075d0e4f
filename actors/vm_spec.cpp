#include "actors/vm_spec.hpp"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "actors/scoped_name.hpp"
#include "events/hash.hpp"

namespace platen::actors {

namespace {

// RFC 1123: letters, digits and hyphens, at most 63 of them.
std::string dns_label(std::string_view text) {
  std::string label;
  for (const char c : text) {
    const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (plain) {
      label += lower;
    } else if (!label.empty() && label.back() != '-') {
      label += '-';
    }
    if (label.size() == 63) break;
  }
  while (!label.empty() && label.back() == '-')
    label.pop_back();
  return label.empty() ? "instance" : label;
}

std::string hostname_of(const events::vm_spec& spec, const std::string& fallback) {
  return spec.hostname.empty() ? dns_label(bare_name(fallback)) : spec.hostname;
}

std::vector<std::uint16_t> ports_of(const events::vm_spec& spec) {
  std::vector<std::uint16_t> ports;
  for (const auto& service : spec.services) {
    if (std::find(ports.begin(), ports.end(), service.destination_port) == ports.end()) {
      ports.push_back(service.destination_port);
    }
  }
  return ports;
}

}  // namespace

std::vector<hypervisor::rom> to_hypervisor(const std::vector<events::rom>& roms) {
  std::vector<hypervisor::rom> made;
  for (const auto& rom : roms)
    made.push_back({rom.name, rom.at, rom.digest});
  return made;
}

hypervisor::vm_spec to_hypervisor(const events::vm_spec& spec,
                                  const std::string& fallback_hostname) {
  hypervisor::vm_spec vm;
  vm.image = spec.image;
  vm.args = spec.args;
  for (const auto& variable : spec.env)
    vm.env.push_back({variable.name, variable.value});
  vm.memory_mb = spec.memory_mb;
  vm.vcpus = spec.vcpus;
  vm.hostname = hostname_of(spec, fallback_hostname);
  vm.roms = to_hypervisor(spec.roms);
  vm.guest_ports = ports_of(spec);
  return vm;
}

hypervisor::clone_order to_clone_order(const hypervisor::vm_ref& vm, hypervisor::purpose why,
                                       const std::string& snapshot_id, const events::vm_spec& spec,
                                       const std::string& fallback_hostname) {
  return {vm,
          why,
          snapshot_id,
          hostname_of(spec, fallback_hostname),
          to_hypervisor(spec.roms),
          ports_of(spec)};
}

hypervisor::resume_order to_resume_order(const hypervisor::vm_ref& vm,
                                         std::uint32_t suspended_attempt,
                                         const events::vm_spec& spec) {
  return {vm, suspended_attempt, ports_of(spec)};
}

events::template_snapshotted to_event(std::uint32_t attempt,
                                      const hypervisor::snapshot_info& what) {
  events::template_snapshotted made;
  made.attempt = attempt;
  made.snapshot_id = what.snapshot_id;
  made.accelerator = what.accelerator;
  made.manifest_sha256 = what.manifest_sha256;
  made.memory_bytes = what.memory_bytes;
  made.state_bytes = what.state_bytes;
  made.disk_bytes = what.disk_bytes;
  return made;
}

std::string fingerprint(const events::vm_spec& spec) {
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(events::wire::CreateVmSpec(builder, &spec));
  const std::string_view bytes(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                               builder.GetSize());
  return events::to_hex(events::sha256_of(bytes));
}

std::vector<std::string> differences(const events::vm_spec& a, const events::vm_spec& b) {
  std::vector<std::string> names;
  const auto compare = [&](const auto& left, const auto& right, const char* name) {
    if (!(left == right)) names.emplace_back(name);
  };
  compare(a.image, b.image, "image");
  compare(a.args, b.args, "args");
  compare(a.env, b.env, "env");
  compare(a.memory_mb, b.memory_mb, "memory_mb");
  compare(a.vcpus, b.vcpus, "vcpus");
  compare(a.hostname, b.hostname, "hostname");
  compare(a.roms, b.roms, "roms");
  compare(a.services, b.services, "service_group");
  compare(a.tags, b.tags, "tags");
  compare(a.annotations, b.annotations, "annotations");
  compare(a.restart_policy, b.restart_policy, "restart_policy");
  compare(a.delete_on_stop, b.delete_on_stop, "features");
  compare(a.autokill_ms, b.autokill_ms, "autokill");
  if (a.autokill_ms == b.autokill_ms) compare(a.autokill_requests, b.autokill_requests, "autokill");
  const auto scaling = [](const events::vm_spec& of) {
    return std::tie(of.scale_to_zero, of.stateful, of.cooldown_ms, of.notify_ms);
  };
  compare(scaling(a), scaling(b), "scale_to_zero");
  return names;
}

}  // namespace platen::actors
