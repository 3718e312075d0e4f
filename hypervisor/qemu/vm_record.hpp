// vm.json: what a later daemon has to know about a VM that is still running, and the names of the
// directories VMs live in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "hypervisor/hypervisor.hpp"
#include "hypervisor/qemu/manifest.hpp"
#include "hypervisor/qemu/process.hpp"

namespace platen::hypervisor::qemu {

enum class vm_origin { booted, cloned, resumed };

struct vm_record {
  vm_ref vm;
  purpose why = purpose::instance;
  vm_origin origin = vm_origin::booted;
  std::string snapshot_id;    // clones: what it was cloned from
  std::string generation_id;  // of clones, also after a suspend: the UUID given to the guest
  // The manifest of a snapshot of it, without the facts of its files.
  manifest facts;
  // QEMU's -name if it was started for the pool, before the VM had a name; else empty.
  std::string pool_name;
  // 0 until QEMU was started.
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;
};

// Whether it can name a directory entry: 1 to 128 letters, digits, '-' and '_'.
bool is_plain_id(std::string_view id);

// "<id>.<attempt>", and back.
std::string directory_name(const vm_ref& vm);
std::optional<vm_ref> parse_directory_name(std::string_view name);

// QEMU's -name, by which its process is recognized, unless it comes from the pool.
std::string process_name(const vm_ref& vm);

// Not synced: it only matters while QEMU runs, and a power cut ends that too.
tl::expected<void, std::string> write_record(const std::filesystem::path& directory,
                                             const vm_record& record);
tl::expected<vm_record, std::string> read_record(const std::filesystem::path& directory);

// The VM's live QEMU. Also finds one that was started just before its daemon died, without its
// number having been recorded.
std::optional<process> find_process(const std::filesystem::path& directory,
                                    const vm_record& record);

}  // namespace platen::hypervisor::qemu
