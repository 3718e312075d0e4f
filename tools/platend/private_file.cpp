#include "tools/platend/private_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace platen::platend {
namespace {

namespace fs = std::filesystem;

tl::unexpected<std::string> fault(const fs::path& file, const std::string& what) {
  return tl::unexpected(file.string() + ": " + what);
}

// Writes all of it to a file that was just opened, syncs and closes.
tl::expected<void, std::string> write_and_close(int out, const fs::path& file,
                                                const std::string& text) {
  if (out < 0) return fault(file, std::strerror(errno));
  const bool written =
      write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(out) == 0;
  const int reason = errno;
  close(out);
  if (!written) return fault(file, std::strerror(reason));
  return {};
}

}  // namespace

tl::expected<void, std::string> write_private(const fs::path& file, const std::string& text) {
  const auto draft = fs::path(file).concat(".tmp");
  std::error_code ignored;
  fs::remove(draft, ignored);
  const int out = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (auto written = write_and_close(out, draft, text); !written) return written;
  std::error_code failed;
  fs::rename(draft, file, failed);
  if (failed) return fault(file, failed.message());
  return {};
}

tl::expected<void, std::string> append_line(const fs::path& file, const std::string& line) {
  const int out = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return write_and_close(out, file, line + "\n");
}

}  // namespace platen::platend
