#include "hypervisor/images/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "hypervisor/images/messages.hpp"

namespace platen::hypervisor::images {

namespace fs = std::filesystem;

std::string system_error_text(int error_number) {
  return std::generic_category().message(error_number);
}

std::string file_error(std::string_view doing, const fs::path& path, int error_number) {
  return "cannot " + std::string(doing) + " " + path.string() + ": " +
         system_error_text(error_number);
}

tl::expected<void, std::string> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(system_error_text(errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

tl::expected<std::string, std::string> read_all(int fd, std::uint64_t limit) {
  std::string content;
  std::string buffer(1 << 16, '\0');
  for (;;) {
    const auto count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure(system_error_text(errno));
    if (count == 0) return content;
    content.append(buffer, 0, static_cast<std::size_t>(count));
    if (content.size() > limit)
      return failure("it is larger than " + std::to_string(limit) + " bytes");
  }
}

tl::expected<std::string, std::string> read_file(const fs::path& path, std::uint64_t limit) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failure(file_error("open", path, errno));
  return read_all(file.get(), limit).map_error([&](const std::string& reason) {
    return "cannot read " + path.string() + ": " + reason;
  });
}

tl::expected<void, std::string> sync_path(const fs::path& path) {
  const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failure(file_error("open", path, errno));
  if (::fsync(file.get()) != 0) return failure(file_error("sync", path, errno));
  return {};
}

tl::expected<void, std::string> replace_file(const fs::path& path, std::string_view bytes) {
  std::string temporary = (path.parent_path() / replacement_prefix).string() + "XXXXXX";
  const unique_fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) return failure(file_error("create", temporary, errno));
  const auto give_up = [&](std::string_view doing, const std::string& reason) {
    ::unlink(temporary.c_str());
    return failure("cannot " + std::string(doing) + " " + path.string() + ": " + reason);
  };
  if (const auto written = write_all(file.get(), bytes); !written)
    return give_up("write", written.error());
  if (::fchmod(file.get(), 0644) != 0 || ::fsync(file.get()) != 0)
    return give_up("sync", system_error_text(errno));
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return give_up("replace", system_error_text(errno));
  return sync_path(path.parent_path());
}

tl::expected<void, std::string> rename_synced(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return failure(file_error("rename " + from.string() + " to", to, errno));
  return sync_path(from.parent_path()).and_then([&] { return sync_path(to.parent_path()); });
}

tl::expected<void, std::string> make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return failure("cannot create the folder " + path.string() + ": " + error.message());
  return {};
}

tl::expected<temporary_folder, std::string> temporary_folder::make(const fs::path& parent,
                                                                   std::string_view prefix) {
  std::string path = (parent / prefix).string() + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr)
    return failure(file_error("create a folder in", parent, errno));
  return temporary_folder(path);
}

temporary_folder::temporary_folder(temporary_folder&& other) noexcept
    : path_(std::move(other.path_)) {
  other.path_.clear();
}

temporary_folder::~temporary_folder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

tl::expected<void, std::string> remove_leftovers(const fs::path& parent, std::string_view prefix) {
  std::error_code error;
  fs::directory_iterator entry(parent, error);
  while (!error && entry != fs::directory_iterator()) {
    const auto path = entry->path();
    entry.increment(error);
    if (path.filename().string().starts_with(prefix)) {
      std::error_code remove_error;
      fs::remove_all(path, remove_error);
      if (remove_error) error = remove_error;
    }
  }
  if (error) return failure("cannot clean up " + parent.string() + ": " + error.message());
  return {};
}

}  // namespace platen::hypervisor::images
