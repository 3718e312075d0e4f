#include "hypervisor/qemu/log_bounds.hpp"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <cstring>

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

log_bounds::log_bounds(asio::io_context& io, std::uint64_t limit) : inotify_(io), limit_(limit) {
  const int inotify = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  boost::system::error_code ignored;
  if (inotify >= 0) inotify_.assign(inotify, ignored);
}

void log_bounds::add(const std::filesystem::path& log) {
  if (!inotify_.is_open()) return;
  const int watch = ::inotify_add_watch(inotify_.native_handle(), log.c_str(), IN_MODIFY);
  if (watch >= 0) logs_[watch] = log;
}

void log_bounds::remove(const std::filesystem::path& directory) {
  for (auto it = logs_.begin(); it != logs_.end();) {
    if (it->second.parent_path() != directory) {
      ++it;
      continue;
    }
    ::inotify_rm_watch(inotify_.native_handle(), it->first);
    it = logs_.erase(it);
  }
}

task<void> log_bounds::run() {
  const auto self = shared_from_this();
  std::array<char, 4096> events;
  while (inotify_.is_open()) {
    const auto [error, size] =
        co_await inotify_.async_read_some(asio::buffer(events.data(), events.size()), as_result);
    if (error) co_return;
    handle({events.data(), size});
  }
}

void log_bounds::handle(std::string_view events) {
  while (events.size() >= sizeof(inotify_event)) {
    inotify_event event{};
    std::memcpy(&event, events.data(), sizeof event);
    const auto log = logs_.find(event.wd);
    if (log != logs_.end()) forget_old_log_bytes(log->second, limit_);
    events.remove_prefix(std::min(events.size(), sizeof event + event.len));
  }
}

}  // namespace platen::hypervisor::qemu
