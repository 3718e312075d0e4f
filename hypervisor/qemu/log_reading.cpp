#include "hypervisor/qemu/log_reading.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

namespace {
constexpr std::uint64_t chunk_limit = 1 << 20;
}

log_chunk read_log_file(const std::filesystem::path& path, std::int64_t offset,
                        std::uint64_t limit) {
  const auto fd = open_file(path, O_RDONLY);
  struct stat status {};
  if (!fd || ::fstat(fd->get(), &status) != 0) return {};
  log_chunk chunk;
  chunk.available = static_cast<std::uint64_t>(status.st_size);
  const auto wanted =
      static_cast<std::uint64_t>(offset < 0 ? -(offset + 1) : offset) + (offset < 0 ? 1 : 0);
  chunk.begin = offset < 0 ? chunk.available - std::min(wanted, chunk.available)
                           : std::min(wanted, chunk.available);
  const auto oldest = ::lseek(fd->get(), static_cast<off_t>(chunk.begin), SEEK_DATA);
  if (oldest > 0) chunk.begin = static_cast<std::uint64_t>(oldest);
  chunk.bytes.resize(std::min({limit, chunk_limit, chunk.available - chunk.begin}));
  const auto n =
      ::pread(fd->get(), chunk.bytes.data(), chunk.bytes.size(), static_cast<off_t>(chunk.begin));
  chunk.bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return chunk;
}

}  // namespace platen::hypervisor::qemu
