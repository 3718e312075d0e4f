#include "hypervisor/guest/init/system.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace platen::guest {

void owned_fd::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

tl::unexpected<std::string> errno_error(std::string_view what) {
  return tl::unexpected(std::string(what) + ": " + std::strerror(errno));
}

void log_line(std::string_view text) {
  // Opened once and kept, because the path is out of reach after the change of root.
  static const owned_fd console(::open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC));
  const std::string line = "platen-init: " + std::string(text) + "\n";
  [[maybe_unused]] const auto written = ::write(console.get(), line.data(), line.size());
}

result<std::string> read_file(const std::string& path, std::size_t limit) {
  const owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return errno_error("cannot open " + path);
  std::string bytes(limit, '\0');
  std::size_t size = 0;
  while (size < limit) {
    const auto count = ::read(file.get(), bytes.data() + size, limit - size);
    if (count < 0) return errno_error("cannot read " + path);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

status replace_file(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string temporary = path + ".platen";
  ::unlink(temporary.c_str());
  const owned_fd file(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.is_open()) return errno_error("cannot create " + temporary);
  ::fchmod(file.get(), mode);
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
    return errno_error("cannot write " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error("cannot replace " + path);
  return {};
}

status mount_at(const char* source, const std::string& target, const char* type,
                unsigned long flags, const char* options) {
  if (::mount(source, target.c_str(), type, flags, options) != 0)
    return errno_error("cannot mount " + std::string(source) + " at " + target);
  return {};
}

status set_clock(std::int64_t time_ns) {
  if (time_ns <= 0) return error("the order has no time_ns");
  timespec time{};
  time.tv_sec = time_ns / 1'000'000'000;
  time.tv_nsec = time_ns % 1'000'000'000;
  if (::clock_settime(CLOCK_REALTIME, &time) != 0) return errno_error("cannot set the clock");
  return {};
}

}  // namespace platen::guest
