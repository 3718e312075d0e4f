#include "hypervisor/guest/init/workload.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>

#include "hypervisor/guest/init/user.hpp"

namespace platen::guest {
namespace {

constexpr char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr rlimit open_files{65536, 1048576};

struct pipe_ends {
  owned_fd read;
  owned_fd write;
};

result<pipe_ends> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("cannot make a pipe");
  return pipe_ends{owned_fd(ends[0]), owned_fd(ends[1])};
}

status take_standard_streams(int output, const workload_user& user) {
  const owned_fd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  // Programs that open /dev/stdout by name need to own the pipe behind it.
  if (::fchown(output, user.uid, user.gid) != 0) return errno_error("cannot give the output away");
  if (::dup2(input.get(), 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0)
    return errno_error("cannot set up the standard streams");
  return {};
}

status become(const workload_user& user) {
  if (::setgroups(user.groups.size(), user.groups.data()) != 0 || ::setgid(user.gid) != 0 ||
      ::setuid(user.uid) != 0)
    return errno_error("cannot become user " + std::to_string(user.uid));
  return {};
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& string : strings)
    result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

std::string explain_exec(const std::string& path, int error) {
  const std::string begin = "cannot run \"" + path + "\": ";
  if (error == ENOENT) return begin + "its interpreter or loader is not in the image";
  if (error == ENOEXEC) return begin + "it is neither a program for x86-64 nor a script with #!";
  return begin + std::strerror(error);
}

std::string value_of(const std::vector<std::string>& env, std::string_view name) {
  for (const auto& entry : env) {
    if (entry.starts_with(name) && entry[name.size()] == '=') return entry.substr(name.size() + 1);
  }
  return {};
}

std::vector<std::string> candidates(const std::string& program, const std::string& path) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> result;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find(':', begin), path.size());
    const auto folder = path.substr(begin, end - begin);
    result.push_back((folder.empty() ? "." : folder) + "/" + program);
    begin = end + 1;
  }
  return result;
}

// Returns only if it fails, with the reason.
std::string execute(std::vector<std::string> args, std::vector<std::string> env) {
  const std::string path = value_of(env, "PATH");
  const auto argv = pointers(args);
  const auto envp = pointers(env);
  std::string reason;
  for (const auto& file : candidates(args[0], path)) {
    ::execve(file.c_str(), argv.data(), envp.data());
    const int error = errno;
    struct stat found {};
    const bool exists = ::stat(file.c_str(), &found) == 0;
    if (reason.empty() && (exists || (error != ENOENT && error != ENOTDIR)))
      reason = explain_exec(file, error);
  }
  if (!reason.empty()) return reason;
  if (args[0].find('/') != std::string::npos)
    return "there is no file \"" + args[0] + "\" in the image";
  return "\"" + args[0] + "\" was not found in PATH (" + path + ")";
}

std::string run_child(const workload_spec& spec, int output) {
  ::setsid();
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  ::setrlimit(RLIMIT_NOFILE, &open_files);

  const auto user = resolve_user(spec.user, read_file("/etc/passwd").value_or(""),
                                 read_file("/etc/group").value_or(""));
  if (!user) return user.error();
  if (auto done = take_standard_streams(output, *user); !done) return done.error();
  if (auto done = become(*user); !done) return done.error();
  const std::string workdir = spec.workdir.empty() ? "/" : spec.workdir;
  if (::chdir(workdir.c_str()) != 0)
    return errno_error("cannot enter the working directory " + workdir).value();
  return execute(spec.args, make_environment(spec.env, user->home, spec.hostname));
}

}  // namespace

std::vector<std::string> make_environment(
    const std::vector<std::pair<std::string, std::string>>& wanted, const std::string& home,
    const std::string& hostname) {
  std::map<std::string, std::string> variables{
      {"PATH", default_path}, {"HOME", home}, {"HOSTNAME", hostname}};
  for (const auto& [name, value] : wanted)
    variables[name] = value;
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables)
    entries.push_back(name + "=" + value);
  return entries;
}

result<workload> workload::start(const workload_spec& spec) {
  if (spec.args.empty() || spec.args[0].empty())
    return error("there is nothing to run: the image has no command and none was given");
  auto output = make_pipe();
  if (!output) return tl::unexpected(output.error());
  auto verdict = make_pipe();
  if (!verdict) return tl::unexpected(verdict.error());

  workload started;
  started.pid_ = ::fork();
  if (started.pid_ < 0) return errno_error("cannot fork");
  if (started.pid_ == 0) {
    const std::string reason = run_child(spec, output->write.get());
    [[maybe_unused]] const auto told = ::write(verdict->write.get(), reason.data(), reason.size());
    ::_exit(127);
  }
  for (const int fd : {output->read.get(), verdict->read.get()})
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
  started.output_ = std::move(output->read);
  started.verdict_ = std::move(verdict->read);
  return started;
}

std::optional<status> workload::verdict() {
  if (!verdict_.is_open()) return std::nullopt;
  std::array<char, 4096> reason{};
  const auto size = ::read(verdict_.get(), reason.data(), reason.size());
  if (size < 0) return std::nullopt;
  verdict_.close();
  if (size == 0) return status{};
  return tl::unexpected(std::string(reason.data(), static_cast<std::size_t>(size)));
}

}  // namespace platen::guest
