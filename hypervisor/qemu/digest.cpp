#include "hypervisor/qemu/digest.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <system_error>

namespace platen::hypervisor::qemu {

namespace {

// Bounds the memory of the cache; at a few files a snapshot this is thousands of snapshots.
constexpr std::size_t known_limit = 16384;

std::string last_error(std::string_view action) {
  return "cannot " + std::string(action) + ": " +
         std::error_code(errno, std::generic_category()).message();
}

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

tl::expected<file_identity, std::string> identify(int fd, identity_by how) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return tl::unexpected(last_error("look at the file to hash"));
  file_identity identity;
  identity.device = status.st_dev;
  identity.inode = status.st_ino;
  identity.size = static_cast<std::uint64_t>(status.st_size);
  identity.modified_ns = nanoseconds(status.st_mtim);
  if (how == identity_by::content_and_inode_change)
    identity.changed_ns = nanoseconds(status.st_ctim);
  return identity;
}

tl::expected<std::string, std::string> digest_cache::digest_of(int fd, identity_by how) {
  const auto known = [&](const file_identity& identity) -> std::optional<std::string> {
    const std::lock_guard lock(known_mutex_);
    const auto found = known_.find(identity);
    if (found == known_.end()) return std::nullopt;
    return found->second;
  };
  const auto before = identify(fd, how);
  if (!before) return tl::unexpected(before.error());
  if (auto digest = known(*before)) return *digest;

  const std::lock_guard reading(reading_mutex_);
  if (auto digest = known(*before)) return *digest;
  auto digest = images::sha256_of_file(fd);
  if (!digest) return tl::unexpected("cannot read the file to hash: " + digest.error());
  const auto after = identify(fd, how);
  if (!after || *after != *before)
    return tl::unexpected(std::string("the file changed while it was hashed"));
  const std::lock_guard lock(known_mutex_);
  if (known_.size() >= known_limit) known_.clear();
  known_[*before] = *digest;
  return digest;
}

}  // namespace platen::hypervisor::qemu
