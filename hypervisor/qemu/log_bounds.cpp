#include "hypervisor/qemu/log_bounds.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <boost/asio/buffer.hpp>

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

bool forget_old_log_bytes(const std::filesystem::path& path, std::uint64_t limit) {
  const auto fd = open_file(path, O_WRONLY);
  struct stat status {};
  if (!fd || ::fstat(fd->get(), &status) != 0) return false;
  const auto space = static_cast<std::uint64_t>(status.st_blocks) * 512;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (space <= limit || size <= limit / 2) return false;
  // Whole blocks only; a part of one would be zeroed, not given back.
  constexpr std::uint64_t block = 4096;
  const auto end = (size - limit / 2) / block * block;
  return ::fallocate(fd->get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                     static_cast<off_t>(end)) == 0;
}

log_bounds::log_bounds(asio::io_context& io, std::vector<std::filesystem::path> logs,
                       std::uint64_t limit)
    : inotify_(io), logs_(std::move(logs)), limit_(limit) {
  const unique_fd watcher(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watcher) return;
  for (const auto& log : logs_)
    ::inotify_add_watch(watcher.get(), log.c_str(), IN_MODIFY);
  boost::system::error_code ignored;
  const int own = ::fcntl(watcher.get(), F_DUPFD_CLOEXEC, 0);
  if (own >= 0) inotify_.assign(own, ignored);
}

task<void> log_bounds::run() {
  const auto self = shared_from_this();
  std::array<char, 4096> events;
  while (inotify_.is_open()) {
    const auto [error, size] =
        co_await inotify_.async_read_some(asio::buffer(events.data(), events.size()), as_result);
    if (error || size == 0) co_return;
    for (const auto& log : logs_)
      forget_old_log_bytes(log, limit_);
  }
}

void log_bounds::stop() {
  boost::system::error_code ignored;
  inotify_.close(ignored);
}

}  // namespace platen::hypervisor::qemu
