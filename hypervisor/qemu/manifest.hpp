// What a snapshot is made of. QEMU loads damaged or mismatched state without a word, so every clone
// is checked against this first (compatibility.hpp). A manifest carries its own digest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/host_cpu.hpp"
#include "hypervisor/qemu/rom_drive.hpp"

namespace platen::hypervisor::qemu {

inline constexpr int manifest_schema = 2;

struct file_facts {
  std::uint64_t bytes = 0;
  std::string sha256;
  friend bool operator==(const file_facts&, const file_facts&) = default;
};

struct manifest {
  std::string snapshot_id;
  std::string created_at;  // ISO 8601, UTC
  vm_ref made_by;          // the preparation it was; whose logs are kept with it
  // What restores it must equal what made it.
  std::string qemu_version;
  std::string qemu_sha256;
  std::string cpu_model;
  std::string devices_sha256;  // of guest_visible_arguments()
  std::uint32_t agent_protocol = 0;
  struct machine machine;
  // What differs only in words or under KVM; empty in manifests of earlier daemons.
  std::string devices;  // guest_visible_arguments() itself
  cpu_facts host_cpu;
  std::string host_kernel;  // its release
  // Whether another can be made when its kernel is not the present one: of a template's preparation
  // yes, of an instance's memory no.
  bool replaceable = false;
  // What it was made from; of no matter for restoring, it all lies in the guest's memory and disk.
  std::string image;
  std::string image_digest;
  std::string kernel_sha256;
  std::string initramfs_sha256;
  std::string append;
  // The files.
  file_facts memory;
  file_facts state;
  file_facts disk;                 // qcow2 overlay over the last layer, or over base
  std::vector<file_facts> layers;  // overlays of the templates below, the lowest first
  file_facts base;                 // the image's raw disk
  std::vector<placed_rom> roms;    // with those of the templates below
  std::uint64_t disk_virtual_bytes = 0;
};

struct sealed_manifest {
  manifest content;
  std::string sha256;  // of the content as written
};

// The file's bytes, and the digest they carry.
std::string to_json(const manifest& content);
std::string manifest_sha256(const manifest& content);
// The error says what is wrong with the text; a changed byte is always found.
tl::expected<sealed_manifest, std::string> parse_manifest(std::string_view text);

}  // namespace platen::hypervisor::qemu
