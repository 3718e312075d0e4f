#include "http/gateway/certificate_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace platen::gateway {

namespace {

constexpr std::string_view certificate_begin = "-----BEGIN CERTIFICATE-----";

bool write_all(int file, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const auto count = ::write(file, text.data() + written, text.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    written += static_cast<std::size_t>(count);
  }
  return true;
}

bool sync_directory(const std::filesystem::path& directory) {
  const int opened = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return false;
  const bool synced = ::fsync(opened) == 0;
  ::close(opened);
  return synced;
}

}  // namespace

tl::expected<certificate_files, std::string> certificate_files::open(
    std::filesystem::path directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (!error) std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  if (error) return tl::unexpected(directory.string() + ": " + error.message());
  return certificate_files(std::move(directory));
}

std::filesystem::path certificate_files::path_of(const std::string& name) const {
  return directory_ / (name + ".pem");
}

tl::expected<void, std::string> certificate_files::write(const std::string& name,
                                                         const key_and_certificate& what) const {
  const auto path = path_of(name);
  const auto unfinished = path.string() + ".tmp";
  const auto fail = [&] { return tl::unexpected(path.string() + ": " + std::strerror(errno)); };
  const int file =
      ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return fail();
  const bool good = write_all(file, what.key + what.certificate) && ::fsync(file) == 0;
  ::close(file);
  if (!good || ::rename(unfinished.c_str(), path.c_str()) != 0 || !sync_directory(directory_))
    return fail();
  return {};
}

std::optional<key_and_certificate> certificate_files::read(const std::string& name) const {
  std::ifstream in(path_of(name), std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto at = text.find(certificate_begin);
  if (at == std::string::npos) return std::nullopt;
  return key_and_certificate{text.substr(0, at), text.substr(at)};
}

void certificate_files::remove(const std::string& name) const {
  std::error_code ignored;
  std::filesystem::remove(path_of(name), ignored);
}

}  // namespace platen::gateway
