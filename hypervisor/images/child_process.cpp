#include "hypervisor/images/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>

#include "hypervisor/images/files.hpp"
#include "hypervisor/images/messages.hpp"
#include "hypervisor/images/unique_fd.hpp"

namespace platen::hypervisor::images {
namespace {

constexpr std::size_t error_text_limit = 2000;
using clock = std::chrono::steady_clock;

std::optional<std::string> find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path ? path : "") + ":/usr/sbin:/sbin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto candidate = std::filesystem::path(folder) / name;
    if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return std::nullopt;
}

class spawn_actions {
 public:
  spawn_actions() { ::posix_spawn_file_actions_init(&actions_); }
  ~spawn_actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;

  const posix_spawn_file_actions_t* connect(int standard_error) {
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions_, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, standard_error, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    return &actions_;
  }

 private:
  posix_spawn_file_actions_t actions_;
};

// The daemon blocks or ignores signals that a child must have in their default state.
class spawn_attributes {
 public:
  spawn_attributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~spawn_attributes() { ::posix_spawnattr_destroy(&attributes_); }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

tl::expected<pid_t, std::string> spawn(const std::string& program,
                                       std::vector<std::string> arguments, int standard_error) {
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  // A fixed environment: no locale or configuration of the caller changes what the program does.
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::string locale = "LC_ALL=C.UTF-8";
  std::array<char*, 3> environment{path.data(), locale.data(), nullptr};
  pid_t pid = 0;
  spawn_actions actions;
  const spawn_attributes attributes;
  const int error = ::posix_spawn(&pid, program.c_str(), actions.connect(standard_error),
                                  attributes.get(), argv.data(), environment.data());
  if (error != 0) return failure("cannot start " + program + ": " + system_error_text(error));
  return pid;
}

// Reads until the program has closed its standard error, that is, ended. False: out of time.
bool read_until_closed(int fd, clock::time_point deadline, std::string& text) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return false;
    pollfd readable{fd, POLLIN, 0};
    const int ready = ::poll(&readable, 1, static_cast<int>(left));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) continue;
    const auto count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    const auto room = error_text_limit - text.size();
    text.append(buffer.data(), std::min(room, static_cast<std::size_t>(count)));
  }
}

int wait_for_exit(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

tl::expected<void, std::string> run_program(const std::vector<std::string>& arguments,
                                            std::chrono::seconds limit) {
  const std::string& name = arguments.front();
  const auto program = find_program(name);
  if (!program) return failure(name + " is not installed; install the package that provides it");
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return failure("cannot make a pipe: " + system_error_text(errno));
  const unique_fd read_end(ends[0]);
  unique_fd write_end(ends[1]);
  const auto pid = spawn(*program, arguments, write_end.get());
  if (!pid) return tl::unexpected(pid.error());
  { const unique_fd closed = std::move(write_end); }

  std::string text;
  const bool ended = read_until_closed(read_end.get(), clock::now() + limit, text);
  if (!ended) ::kill(*pid, SIGKILL);
  const int status = wait_for_exit(*pid);
  if (!ended)
    return failure(name + " did not end within " + std::to_string(limit.count()) +
                   " seconds and was killed");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  const std::string how = WIFSIGNALED(status)
                              ? " was killed by signal " + std::to_string(WTERMSIG(status))
                              : " failed with code " + std::to_string(WEXITSTATUS(status));
  return failure(name + how + (text.empty() ? "" : ": " + text));
}

}  // namespace platen::hypervisor::images
