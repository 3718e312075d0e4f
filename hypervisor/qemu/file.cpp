#include "hypervisor/qemu/file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace platen::hypervisor::qemu {

std::string system_error_sentence(std::string_view action, const std::filesystem::path& path) {
  const auto reason = std::error_code(errno, std::generic_category()).message();
  return "cannot " + std::string(action) + " " + path.string() + ": " + reason;
}

tl::expected<unique_fd, std::string> open_file(const std::filesystem::path& path, int flags,
                                               unsigned mode) {
  unique_fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return tl::unexpected(system_error_sentence("open", path));
  return fd;
}

tl::expected<void, std::string> write_at(int fd, std::string_view bytes, std::uint64_t offset,
                                         const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const auto n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return tl::unexpected(system_error_sentence("write", path));
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

tl::expected<void, std::string> replace_file(const std::filesystem::path& path,
                                             std::string_view bytes, bool durable) {
  auto beside = path;
  beside += ".new";
  auto fd = open_file(beside, O_WRONLY | O_CREAT | O_TRUNC);
  if (!fd) return tl::unexpected(fd.error());
  if (auto written = write_at(fd->get(), bytes, 0, beside); !written) return written;
  if (durable && ::fsync(fd->get()) != 0)
    return tl::unexpected(system_error_sentence("sync", beside));
  if (::rename(beside.c_str(), path.c_str()) != 0)
    return tl::unexpected(system_error_sentence("rename", beside));
  return durable ? sync_path(path.parent_path()) : tl::expected<void, std::string>{};
}

tl::expected<unique_fd, std::string> create_sparse_file(const std::filesystem::path& path,
                                                        std::uint64_t bytes) {
  auto fd = open_file(path, O_RDWR | O_CREAT | O_TRUNC);
  if (!fd) return fd;
  if (::ftruncate(fd->get(), static_cast<off_t>(bytes)) != 0)
    return tl::unexpected(system_error_sentence("set the size of", path));
  return fd;
}

tl::expected<void, std::string> link_or_copy(int fd, const std::filesystem::path& to) {
  const auto name = "/proc/self/fd/" + std::to_string(fd);
  if (::linkat(AT_FDCWD, name.c_str(), AT_FDCWD, to.c_str(), AT_SYMLINK_FOLLOW) == 0) return {};
  if (errno != EXDEV) return tl::unexpected(system_error_sentence("give a file the name", to));
  return copy_sparse(fd, to);
}

namespace {

tl::expected<void, std::string> copy_range(int from, int to, off_t begin, off_t end,
                                           const std::filesystem::path& path) {
  if (::lseek(to, begin, SEEK_SET) != begin)
    return tl::unexpected(system_error_sentence("copy to", path));
  while (begin < end) {
    const auto n = ::sendfile(to, from, &begin, static_cast<std::size_t>(end - begin));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return tl::unexpected(system_error_sentence("copy to", path));
  }
  return {};
}

}  // namespace

bool share_content(int fd, const std::filesystem::path& to) {
  const auto copy = open_file(to, O_RDWR | O_CREAT | O_EXCL);
  if (!copy) return false;
  if (::ioctl(copy->get(), FICLONE, fd) == 0) return true;
  ::unlink(to.c_str());
  return false;
}

tl::expected<void, std::string> copy_sparse(int fd, const std::filesystem::path& to) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return tl::unexpected(system_error_sentence("copy to", to));
  const auto copy = create_sparse_file(to, static_cast<std::uint64_t>(status.st_size));
  if (!copy) return tl::unexpected(copy.error());
  if (::ioctl(copy->get(), FICLONE, fd) == 0) return {};
  for (off_t end = 0; end < status.st_size;) {
    const auto begin = ::lseek(fd, end, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) break;
    if (begin >= 0) end = ::lseek(fd, begin, SEEK_HOLE);
    if (begin < 0 || end < 0) return tl::unexpected(system_error_sentence("look for data for", to));
    if (auto copied = copy_range(fd, copy->get(), begin, end, to); !copied) return copied;
  }
  return {};
}

namespace {

constexpr std::size_t page_bytes = 4096;

bool is_zero(std::string_view page) {
  return page[0] == 0 && std::memcmp(page.data(), page.data() + 1, page.size() - 1) == 0;
}

// Where the zeros that begin the bytes end, or if `zeros` is false, what is not zeros; in pages.
std::size_t end_of_run(std::string_view bytes, bool zeros) {
  std::size_t at = 0;
  while (at < bytes.size() && is_zero(bytes.substr(at, page_bytes)) == zeros)
    at += page_bytes;
  return std::min(at, bytes.size());
}

tl::expected<void, std::string> punch_zeros_of(int fd, std::string_view bytes, off_t at,
                                               const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const auto data = end_of_run(bytes, false);
    bytes.remove_prefix(data);
    at += static_cast<off_t>(data);
    const auto zeros = end_of_run(bytes, true);
    if (zeros > 0 && ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
                                 static_cast<off_t>(zeros)) != 0)
      return tl::unexpected(system_error_sentence("make holes in", path));
    bytes.remove_prefix(zeros);
    at += static_cast<off_t>(zeros);
  }
  return {};
}

}  // namespace

tl::expected<void, std::string> punch_zeros(const std::filesystem::path& path) {
  constexpr off_t chunk_bytes = 1 << 20;
  const auto file = open_file(path, O_RDWR);
  if (!file) return tl::unexpected(file.error());
  std::string chunk;
  for (off_t at = 0; (at = ::lseek(file->get(), at, SEEK_DATA)) >= 0;) {
    const auto end = ::lseek(file->get(), at, SEEK_HOLE);
    for (; at < end; at += static_cast<off_t>(chunk.size())) {
      chunk.resize(static_cast<std::size_t>(std::min(end - at, chunk_bytes)));
      const auto n = ::pread(file->get(), chunk.data(), chunk.size(), at);
      if (n <= 0) return tl::unexpected(system_error_sentence("read", path));
      chunk.resize(static_cast<std::size_t>(n));
      if (auto done = punch_zeros_of(file->get(), chunk, at, path); !done) return done;
    }
  }
  return {};
}

std::string file_tail(const std::filesystem::path& path, std::uint64_t limit) {
  auto fd = open_file(path, O_RDONLY);
  struct stat status {};
  if (!fd || ::fstat(fd->get(), &status) != 0) return {};
  const auto size = static_cast<std::uint64_t>(status.st_size);
  std::string bytes(std::min(size, limit), '\0');
  const auto n =
      ::pread(fd->get(), bytes.data(), bytes.size(), static_cast<off_t>(size - bytes.size()));
  bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return bytes;
}

}  // namespace platen::hypervisor::qemu
