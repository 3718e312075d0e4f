// Snapshots on disk: <root>/<id>/{manifest.json,memory,state,base.ext4,layer-N.qcow2,disk.qcow2,
// rom-N.img}. One is built in <id>.tmp and renamed when all of it is synced, so a folder without
// ".tmp" is complete. What a snapshot shares with images, ROMs and the snapshots below it are
// second names of their files, so each needs no other and space is freed with the last one.
// A suspended VM is the same, but in its VM's directory.
// Thread-safe; everything blocks.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/qemu/compatibility.hpp"
#include "hypervisor/qemu/digest.hpp"
#include "hypervisor/qemu/file.hpp"
#include "hypervisor/qemu/manifest.hpp"

namespace platen::hypervisor::qemu {

inline constexpr auto base_disk_name = "base.ext4";
inline constexpr auto state_name = "state";
std::string layer_name(std::size_t layer);
// What a preparation's log is called in the snapshot it has become.
std::string kept_log_name(const std::string& log);

// A snapshot whose every byte was checked. QEMU is given these descriptors and never a path, so
// what was checked is what is used.
struct verified_snapshot {
  manifest content;
  unique_fd base;
  std::vector<unique_fd> layers;  // overlays over base, the lowest first; the last is its own disk
  unique_fd memory;
  unique_fd state;
  std::vector<unique_fd> roms;  // in the order of content.roms
};

struct snapshot_refusal {
  std::string reason;
  bool damaged = false;  // the snapshot must not be used again; else only this host failed
  bool stale = false;    // whole, but not for this host; the reason begins with stale_snapshot
};

class snapshot_store {
 public:
  // `memory_root` may be on another file system, such as a tmpfs: memory and state of snapshots
  // that can be made again are kept in <memory_root>/<id>, and are symbolic links in <root>/<id>.
  // Empty: they are kept with the rest.
  explicit snapshot_store(std::filesystem::path root, std::filesystem::path memory_root = {})
      : root_(std::move(root)), memory_root_(std::move(memory_root)) {}

  // Where a snapshot of this id is, if it is complete.
  std::filesystem::path folder_of(const std::string& id) const { return root_ / id; }

  // Deletes half-made and half-deleted snapshots, and those whose memory went with a tmpfs; returns
  // the complete ones.
  tl::expected<std::vector<std::string>, std::string> recover();

  // Those of them that a look at their manifests and at their files' sizes rules out. Reads no
  // content: damage that keeps the size is found by open().
  std::vector<unusable_snapshot> find_unusable(const std::vector<std::string>& ids,
                                               const host_facts& host) const;

  // Moves memory, state, disks and ROMs out of an ended VM's directory, adds their facts to `draft`
  // and makes them the snapshot draft.snapshot_id. What can be made again need not outlive the
  // host. The error is a sentence.
  tl::expected<snapshot_info, std::string> store(const std::filesystem::path& vm_directory,
                                                 manifest draft, bool can_be_made_again = false);

  // Makes an ended or stopped VM's directory one that can be resumed: adds the files' facts to
  // `draft`, syncs all of it and writes the manifest last. What is there of the files is not
  // touched if this fails. Returns the bytes that memory and state take on disk.
  tl::expected<std::uint64_t, std::string> seal(const std::filesystem::path& vm_directory,
                                                manifest draft);
  // Takes that back, and deletes the memory and state that were saved.
  void unseal(const std::filesystem::path& vm_directory);
  // The same bytes again; nothing if the directory is not one that can be resumed.
  std::optional<std::uint64_t> sealed_bytes(const std::filesystem::path& vm_directory) const;
  tl::expected<verified_snapshot, snapshot_refusal> open_sealed(
      const std::filesystem::path& vm_directory, const host_facts& host);

  // Adds the facts of the files below a VM's own disk, which do not change while it runs. Asked
  // for before the VM is stopped, it saves the time to read them while it is.
  tl::expected<void, std::string> collect_fixed_facts(const std::filesystem::path& folder,
                                                      manifest& draft);

  // Reads all of it the first time; later only what has changed since.
  tl::expected<verified_snapshot, snapshot_refusal> open(const std::string& id,
                                                         const host_facts& host);

  tl::expected<snapshot_info, std::string> describe(const std::string& id) const;
  // The folder of the snapshot that this preparation has become, where its logs are now.
  std::optional<std::filesystem::path> folder_made_by(const vm_ref& preparation) const;
  // From here on there is no such snapshot. One rename, so it blocks for a moment only.
  void forget(const std::string& id);
  // Gives the space of a forgotten snapshot back.
  void delete_forgotten(const std::string& id);

 private:
  tl::expected<snapshot_info, std::string> fill_and_publish(
      const std::filesystem::path& building, const std::filesystem::path& vm_directory,
      manifest draft, bool memory_apart);
  tl::expected<void, std::string> collect_facts(const std::filesystem::path& folder,
                                                manifest& draft);
  tl::expected<verified_snapshot, snapshot_refusal> open_folder(const std::filesystem::path& folder,
                                                                const host_facts& host);
  tl::expected<void, snapshot_refusal> open_files(verified_snapshot& snapshot,
                                                  const std::filesystem::path& folder);
  // Whether the manifest is whole and this host is what it asks for.
  tl::expected<sealed_manifest, snapshot_refusal> read_for(const std::filesystem::path& folder,
                                                           const host_facts& host) const;
  tl::expected<sealed_manifest, std::string> read_manifest(
      const std::filesystem::path& folder) const;
  void note_maker(const vm_ref& preparation, const std::string& id);
  tl::expected<file_facts, std::string> facts_of(const std::filesystem::path& path,
                                                 identity_by how);
  tl::expected<unique_fd, snapshot_refusal> open_checked(const std::filesystem::path& path,
                                                         const file_facts& expected,
                                                         identity_by how);

  const std::filesystem::path root_;
  const std::filesystem::path memory_root_;
  digest_cache digests_;
  mutable std::mutex made_by_mutex_;
  std::map<vm_ref, std::string> made_by_;
};

}  // namespace platen::hypervisor::qemu
