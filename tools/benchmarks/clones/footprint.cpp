#include "tools/benchmarks/clones/footprint.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <string>

namespace platen::benchmarks {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool is_number(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c); });
}

bool is_qemu_of(const fs::path& process, const std::string& place) {
  std::error_code error;
  const auto line = text_of(process / "cmdline");
  if (line.find("qemu-system") == std::string::npos) return false;
  const auto directory = fs::read_symlink(process / "cwd", error).string();
  return directory.starts_with(place) || line.find(place) != std::string::npos;
}

void add(memory_use& into, const fs::path& process) {
  std::ifstream lines(process / "smaps_rollup");
  std::string header;
  std::getline(lines, header);
  std::string name;
  std::string unit;
  std::uint64_t kilobytes = 0;
  while (lines >> name >> kilobytes >> unit) {
    const auto bytes = kilobytes * 1024;
    if (name == "Pss:") into.pss += bytes;
    if (name.starts_with("Private_") && name != "Private_Hugetlb:") into.private_ += bytes;
    if (name.starts_with("Shared_") && name != "Shared_Hugetlb:") into.shared += bytes;
  }
  ++into.processes;
}

}  // namespace

memory_use memory_of(const fs::path& place) {
  memory_use use;
  const auto path = fs::canonical(place).string();
  for (const auto& entry : fs::directory_iterator("/proc"))
    if (is_number(entry.path().filename()) && is_qemu_of(entry.path(), path)) add(use, entry);
  return use;
}

std::uint64_t disk_bytes(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    struct stat status {};
    if (::lstat(entry->path().c_str(), &status) == 0 && status.st_nlink == 1)
      bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace platen::benchmarks
