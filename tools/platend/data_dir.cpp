#include "tools/platend/data_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/common/defaults.hpp"

namespace platen::platend {
namespace {

namespace fs = std::filesystem;

std::string why() {
  return std::strerror(errno);
}

std::string holder_of(int lock) {
  std::array<char, 32> pid{};
  const auto size = pread(lock, pid.data(), pid.size() - 1, 0);
  return size > 0 ? " by process " + std::string(pid.data(), static_cast<std::size_t>(size)) : "";
}

tl::expected<fs::path, std::string> make_private(const fs::path& path) {
  std::error_code failed;
  const auto absolute = fs::absolute(path, failed).lexically_normal();
  const bool made = fs::create_directories(absolute, failed);
  if (failed)
    return tl::unexpected("cannot make data directory " + absolute.string() + ": " +
                          failed.message());
  if (made) fs::permissions(absolute, fs::perms::owner_all, failed);
  return absolute;
}

}  // namespace

tl::expected<data_dir, std::string> data_dir::open(const fs::path& path) {
  auto absolute = make_private(path);
  if (!absolute) return tl::unexpected(absolute.error());
  const auto lock_file = tools::lock_path(*absolute);
  const int lock = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return tl::unexpected("cannot open " + lock_file.string() + ": " + why());
  data_dir held(*std::move(absolute), lock);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return tl::unexpected("cannot lock " + lock_file.string() + ": " + why());
    return tl::unexpected("data directory " + held.path_.string() + " is in use" + holder_of(lock) +
                          "; stop that daemon or choose another --data");
  }
  const auto pid = std::to_string(getpid());
  if (ftruncate(lock, 0) != 0 || pwrite(lock, pid.data(), pid.size(), 0) < 0)
    return tl::unexpected("cannot write " + lock_file.string() + ": " + why());
  return held;
}

data_dir::data_dir(data_dir&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

data_dir::~data_dir() {
  if (lock_ >= 0) close(lock_);
}

}  // namespace platen::platend
