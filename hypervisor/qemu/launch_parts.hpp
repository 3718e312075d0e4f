// What the ways to start QEMU in a VM's directory have in common. Everything here blocks and runs
// on a pool.
#pragma once

#include <filesystem>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/vm_files.hpp"

namespace platen::hypervisor::qemu {

// Deletes the directory again unless the VM came to life in it.
class directory_under_construction {
 public:
  static tl::expected<directory_under_construction, std::string> make(std::filesystem::path path);
  directory_under_construction(directory_under_construction&& other) noexcept
      : path_(std::exchange(other.path_, {})) {}
  directory_under_construction& operator=(directory_under_construction&&) = delete;
  ~directory_under_construction();
  const std::filesystem::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  explicit directory_under_construction(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// Sockets, logs, the record and QEMU itself: equal for all VMs. It is the QEMU of record.facts, or
// none is left.
tl::expected<launched_vm, failure> start_qemu(vm_host& host, const std::filesystem::path& directory,
                                              vm_record record,
                                              const std::vector<std::string>& argv,
                                              const std::vector<int>& disks_and_memory);

// QEMU in the VM's directory, with all it needs to go on from the saved state but its own disk.
tl::expected<launched_vm, failure> start_from_saved(vm_host& host,
                                                    const std::filesystem::path& directory,
                                                    vm_record record,
                                                    const verified_snapshot& saved,
                                                    const std::vector<int>& roms,
                                                    const std::vector<std::uint16_t>& ports);

host_side host_side_of(const vm_host& host, const vm_ref& vm,
                       const std::vector<std::uint16_t>& ports);

// Second names for what a snapshot of the VM, or the suspended VM, will consist of: where they come
// from may be deleted meanwhile.
tl::expected<void, std::string> keep_layers_and_roms(const std::filesystem::path& directory,
                                                     const std::vector<int>& layers,
                                                     const std::vector<int>& roms);

struct opened_roms {
  std::vector<placed_rom> all;    // the template's, then the own ones
  std::vector<placed_rom> added;  // the own ones
  std::vector<unique_fd> files;   // of those added
};
// Finds a VM's own ROMs, and their places behind those its template has on the drive already.
tl::expected<opened_roms, std::string> open_roms(const rom_store& store,
                                                 const std::vector<rom>& wanted,
                                                 const std::vector<placed_rom>& inherited);

tl::expected<verified_snapshot, failure> open_snapshot(vm_host& host, const std::string& id);

// The manifest of a snapshot of a clone.
manifest facts_of_clone(const verified_snapshot& snapshot, const vm_ref& vm, purpose why,
                        std::vector<placed_rom> roms);

std::vector<int> numbers(const std::vector<unique_fd>& files);
void append(std::vector<int>& to, const std::vector<int>& more);

}  // namespace platen::hypervisor::qemu
