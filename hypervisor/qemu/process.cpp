#include "hypervisor/qemu/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <sstream>
#include <string_view>
#include <system_error>

namespace platen::hypervisor::qemu {

namespace {

constexpr int first_inherited = 3;
// Sources are moved above this number first, so that no target overwrites one still needed.
constexpr int above_targets = 64;

unique_fd open_pidfd(pid_t pid) {
  return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

class spawn_plan {
 public:
  spawn_plan() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;

  // The daemon's blocked and ignored signals are not the process's business.
  void start_clean_session() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

std::string last_error(const std::string& action, int number) {
  return "cannot " + action + ": " + std::error_code(number, std::generic_category()).message();
}

std::string read_small_file(const std::filesystem::path& path) {
  return read_file(path, 1 << 20).value_or(std::string{});
}

}  // namespace

std::string describe(const exit_status& status) {
  if (!status.known) return "QEMU ended";
  if (status.signal != 0)
    return "QEMU was ended by signal " + std::to_string(status.signal) + " (" +
           ::strsignal(status.signal) + ")";
  return "QEMU exited with code " + std::to_string(status.code);
}

tl::expected<process, std::string> process::spawn(const spawn_request& request) {
  spawn_plan plan;
  plan.start_clean_session();
  posix_spawn_file_actions_addchdir_np(&plan.actions, request.working_directory.c_str());
  posix_spawn_file_actions_addopen(&plan.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&plan.actions, request.output_fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&plan.actions, request.output_fd, STDERR_FILENO);
  std::vector<unique_fd> sources;
  int target = first_inherited;
  for (const int fd : request.inherited) {
    sources.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, above_targets));
    if (!sources.back()) return tl::unexpected(last_error("pass a descriptor to QEMU", errno));
    posix_spawn_file_actions_adddup2(&plan.actions, sources.back().get(), target++);
  }
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, target);

  std::vector<std::string> arguments = request.argv;
  std::vector<char*> pointers;
  for (auto& argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);

  process child;
  const int error = ::posix_spawnp(&child.pid_, pointers[0], &plan.actions, &plan.attributes,
                                   pointers.data(), environ);
  if (error != 0) return tl::unexpected(last_error("start " + request.argv[0], error));
  // It is our child and not reaped yet, so the number cannot have been given to another.
  child.pidfd_ = open_pidfd(child.pid_);
  child.start_ticks_ = process_start_ticks(child.pid_).value_or(0);
  if (!child.pidfd_) {
    const int reason = errno;
    ::kill(child.pid_, SIGKILL);
    ::waitpid(child.pid_, nullptr, 0);
    return tl::unexpected(last_error("watch the QEMU process", reason));
  }
  return child;
}

std::optional<process> process::attach(pid_t pid, std::uint64_t start_ticks) {
  process other;
  other.pid_ = pid;
  other.start_ticks_ = start_ticks;
  other.pidfd_ = open_pidfd(pid);
  // Checked after opening: from here on the pidfd stands for exactly this process.
  if (!other.pidfd_ || process_start_ticks(pid) != start_ticks) return std::nullopt;
  return other;
}

void process::signal(int number) const {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0);
}

exit_status process::collect() const {
  siginfo_t info{};
  exit_status status;
  // P_PIDFD is 3; glibc 2.36 declares it only in <linux/wait.h>, which clashes with <sys/wait.h>.
  constexpr auto by_pidfd = static_cast<idtype_t>(3);
  if (::waitid(by_pidfd, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0)
    return status;
  status.known = true;
  if (info.si_code == CLD_EXITED)
    status.code = info.si_status;
  else
    status.signal = info.si_status;
  return status;
}

std::optional<std::uint64_t> process_start_ticks(pid_t pid) {
  const auto stat = read_small_file("/proc/" + std::to_string(pid) + "/stat");
  // The second field is the program's name in parentheses and may hold anything, also ')'.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string state;
  fields >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  std::string field;
  constexpr int fields_between_state_and_start_time = 18;
  for (int i = 0; i < fields_between_state_and_start_time; ++i)
    fields >> field;
  std::uint64_t ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  return ticks;
}

bool process_matches(pid_t pid, const std::filesystem::path& directory,
                     const std::string& argument) {
  const std::filesystem::path proc = "/proc/" + std::to_string(pid);
  std::error_code error;
  if (!std::filesystem::equivalent(proc / "cwd", directory, error) || error) return false;
  const auto command_line = read_small_file(proc / "cmdline");
  std::string_view rest = command_line;
  while (!rest.empty()) {
    const auto end = rest.find('\0');
    if (rest.substr(0, end) == argument) return true;
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return false;
}

std::vector<pid_t> find_processes(const std::filesystem::path& directory,
                                  const std::string& argument) {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::stol(name));
    if (process_matches(pid, directory, argument)) found.push_back(pid);
  }
  return found;
}

}  // namespace platen::hypervisor::qemu
