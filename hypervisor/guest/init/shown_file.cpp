#include "hypervisor/guest/init/shown_file.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hypervisor/guest/init/root.hpp"

namespace platen::guest {
namespace {

// Files of the kernel exist; a link or a missing name becomes an empty file.
status provide(const std::string& target, unsigned mode) {
  struct stat found {};
  if (::lstat(target.c_str(), &found) == 0 && S_ISREG(found.st_mode)) return {};
  return replace_file(target, "", mode);
}

}  // namespace

status shown_file::write(std::string_view bytes) {
  return is_shown() ? put(bytes) : show(bytes);
}

status shown_file::show(std::string_view bytes) {
  if (auto made = make_folders(own_folder); !made) return made;
  const auto source = std::string(own_folder) + "/" + name_;
  owned_fd file(::open(source.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode_));
  if (!file.is_open()) return errno_error("cannot make " + source);
  file_ = std::move(file);
  auto done = put(bytes);
  if (done) done = provide(target_, mode_);
  if (done) done = mount_at(source.c_str(), target_, nullptr, MS_BIND);
  if (!done) file_ = owned_fd();
  return done;
}

status shown_file::put(std::string_view bytes) const {
  if (::pwrite(file_.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
      ::ftruncate(file_.get(), static_cast<off_t>(bytes.size())) != 0)
    return errno_error("cannot write " + target_);
  return {};
}

std::string shown_file::content(std::size_t limit) const {
  std::string bytes(limit, '\0');
  const auto size = ::pread(file_.get(), bytes.data(), bytes.size(), 0);
  bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return bytes;
}

}  // namespace platen::guest
