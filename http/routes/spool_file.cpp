#include "http/routes/spool_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "http/request/identifiers.hpp"

namespace platen::http {
namespace {

constexpr std::string_view prefix = "upload-";

std::string last_error() {
  return std::system_category().message(errno);
}

}  // namespace

tl::expected<spool_file, std::string> spool_file::create(const std::filesystem::path& folder) {
  spool_file made;
  auto path = folder / (std::string(prefix) + random_uuid());
  made.file_ = file_descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!made.file_) return tl::unexpected("the upload cannot be stored: " + last_error());
  made.path_ = std::move(path);
  return made;
}

spool_file::~spool_file() {
  std::error_code ignored;
  if (file_) std::filesystem::remove(path_, ignored);
}

bool spool_file::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      problem_ = last_error();
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
    size_ += static_cast<std::uint64_t>(count);
  }
  return true;
}

tl::expected<void, std::string> spool_file::clean(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  for (std::filesystem::directory_iterator at(folder, problem), end; !problem && at != end;
       at.increment(problem)) {
    std::error_code ignored;
    if (at->path().filename().string().starts_with(prefix))
      std::filesystem::remove(at->path(), ignored);
  }
  if (problem) return tl::unexpected("the folder for uploads cannot be used: " + problem.message());
  return {};
}

}  // namespace platen::http
