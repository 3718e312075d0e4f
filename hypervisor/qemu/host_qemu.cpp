#include "hypervisor/qemu/host_qemu.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "hypervisor/qemu/digest.hpp"
#include "hypervisor/qemu/file.hpp"
#include "hypervisor/qemu/process.hpp"

namespace platen::hypervisor::qemu {

namespace {

namespace fs = std::filesystem;

constexpr int version_limit_ms = 10'000;
constexpr std::size_t version_bytes_limit = 4096;

fs::path find_in_path(const std::string& binary) {
  if (binary.find('/') != std::string::npos) return binary;
  const char* variable = std::getenv("PATH");
  std::istringstream folders(variable == nullptr ? "/usr/bin:/bin" : variable);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access((fs::path(folder) / binary).c_str(), X_OK) == 0) return fs::path(folder) / binary;
  return {};
}

std::string output_of(const process& child, int output) {
  pollfd gone{child.pidfd(), POLLIN, 0};
  if (::poll(&gone, 1, version_limit_ms) <= 0) child.signal(SIGKILL);
  ::poll(&gone, 1, -1);
  child.collect();
  std::string text(version_bytes_limit, '\0');
  const auto n = ::read(output, text.data(), text.size());
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text.substr(0, text.find('\n'));
}

}  // namespace

tl::expected<host_qemu, std::string> look_at_qemu(const std::string& binary) {
  const auto path = find_in_path(binary);
  const auto file = open_file(path, O_RDONLY);
  if (path.empty() || !file)
    return tl::unexpected("QEMU (" + binary + ") was not found; install qemu-system-x86");
  auto digest = images::sha256_of_file(file->get());
  if (!digest) return tl::unexpected("cannot read " + path.string() + ": " + digest.error());
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return tl::unexpected(system_error_sentence("run", path));
  const unique_fd read_end(ends[0]);
  unique_fd write_end(ends[1]);
  spawn_request request;
  request.argv = {path.string(), "--version"};
  request.working_directory = "/";
  request.output_fd = write_end.get();
  const auto child = process::spawn(request);
  if (!child) return tl::unexpected(child.error());
  write_end = unique_fd();
  auto version = output_of(*child, read_end.get());
  if (version.find("QEMU") == std::string::npos)
    return tl::unexpected(path.string() + " does not tell its version as QEMU does");
  return host_qemu{std::move(version), std::move(*digest)};
}

tl::expected<host_qemu, std::string> qemu_program::look() {
  const std::lock_guard guard(mutex_);
  const auto file = open_file(find_in_path(binary_), O_RDONLY);
  const auto identity = file ? identify(file->get(), identity_by::content_and_inode_change)
                             : tl::unexpected(file.error());
  if (identity && known_ && seen_ == *identity) return *known_;
  auto now = look_at_qemu(binary_);
  if (!now) return now;
  const bool is_another = known_ && *known_ != *now;
  known_ = *now;
  // If it was replaced between the two, the next look finds what is not the file seen.
  if (identity) seen_ = *identity;
  if (is_another && tell_) tell_();
  return now;
}

}  // namespace platen::hypervisor::qemu
