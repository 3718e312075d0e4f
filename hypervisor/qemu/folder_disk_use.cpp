#include "hypervisor/qemu/folder_disk_use.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "hypervisor/qemu/command_line.hpp"
#include "hypervisor/qemu/snapshot_store.hpp"

namespace platen::hypervisor::qemu {
namespace {

namespace fs = std::filesystem;

// A folder has a file each for 16 layers and 8 ROMs, and about ten others.
constexpr std::size_t files_limit = 256;
constexpr std::uint64_t block_bytes = 512;  // of st_blocks, whatever the file system's are

std::string_view part_of(const std::string& name) {
  if (name == memory_name) return "memory";
  if (name == state_name) return "state";
  if (name == disk_name) return "disk";
  if (name == base_disk_name) return "base";
  if (name.starts_with("layer-")) return "layers";
  if (name.starts_with("rom-")) return "roms";
  return "other";
}

disk_use& entry_of(std::vector<disk_part>& parts, std::string_view what) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [&](const disk_part& part) { return part.what == what; });
  if (found != parts.end()) return found->use;
  parts.push_back({what, {}});
  return parts.back().use;
}

}  // namespace

std::vector<disk_part> disk_use_of(const fs::path& folder) {
  std::vector<disk_part> parts;
  std::error_code error;
  std::size_t seen = 0;
  for (fs::directory_iterator at(folder, error), end; !error && at != end && seen < files_limit;
       at.increment(error), ++seen) {
    struct stat status {};
    // It may be gone by now, and sockets take nothing.
    if (::stat(at->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    auto& use = entry_of(parts, part_of(at->path().filename().string()));
    const auto allocated = static_cast<std::uint64_t>(status.st_blocks) * block_bytes;
    use.logical_bytes += static_cast<std::uint64_t>(status.st_size);
    use.allocated_bytes += allocated;
    if (status.st_nlink > 1) use.shared_bytes += allocated;
  }
  return parts;
}

}  // namespace platen::hypervisor::qemu
