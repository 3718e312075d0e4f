// Snapshots on disk: <root>/<id>/{manifest.json,memory,state,disk.qcow2,base.ext4,rom.img}. One is
// built in <id>.tmp and renamed when all of it is synced, so a folder without ".tmp" is complete.
// Thread-safe; everything blocks.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/qemu/digest.hpp"
#include "hypervisor/qemu/file.hpp"
#include "hypervisor/qemu/manifest.hpp"

namespace platen::hypervisor::qemu {

inline constexpr auto base_disk_name = "base.ext4";
inline constexpr auto state_name = "state";

// A snapshot whose every byte was checked. QEMU is given these descriptors and never a path, so
// what was checked is what is used.
struct verified_snapshot {
  manifest content;
  unique_fd base;
  unique_fd disk;
  unique_fd memory;
  unique_fd state;
  std::string rom_bytes;  // the used part of the template's ROM drive
};

struct snapshot_refusal {
  std::string reason;
  bool damaged = false;  // the snapshot must not be used again; else only this host failed
};

class snapshot_store {
 public:
  explicit snapshot_store(std::filesystem::path root) : root_(std::move(root)) {}

  // Deletes half-made and half-deleted snapshots; returns the complete ones.
  tl::expected<std::vector<std::string>, std::string> recover();

  // Moves memory, state, disk, base and ROM drive out of an ended VM's directory, adds their facts
  // to `draft` and makes them the snapshot draft.snapshot_id. The error is a sentence.
  tl::expected<snapshot_info, std::string> store(const std::filesystem::path& vm_directory,
                                                 manifest draft, std::uint64_t rom_drive_bytes);

  // Reads all of it the first time; later only what has changed since.
  tl::expected<verified_snapshot, snapshot_refusal> open(const std::string& id,
                                                         const host_facts& host);

  tl::expected<snapshot_info, std::string> describe(const std::string& id) const;
  // From here on there is no such snapshot. One rename, so it blocks for a moment only.
  void forget(const std::string& id);
  // Gives the space of a forgotten snapshot back.
  void delete_forgotten(const std::string& id);

 private:
  tl::expected<snapshot_info, std::string> fill_and_publish(
      const std::filesystem::path& building, const std::filesystem::path& vm_directory,
      manifest draft, std::uint64_t rom_drive_bytes);
  tl::expected<sealed_manifest, std::string> read_manifest(
      const std::filesystem::path& folder) const;
  tl::expected<file_facts, std::string> facts_of(const std::filesystem::path& path,
                                                 identity_by how);
  tl::expected<unique_fd, snapshot_refusal> open_checked(const std::filesystem::path& path,
                                                         const file_facts& expected,
                                                         identity_by how);

  std::filesystem::path root_;
  digest_cache digests_;
};

}  // namespace platen::hypervisor::qemu
