#include "tests/e2e/program.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace platen::tests {
namespace {

struct pipe_ends {
  int read = -1;
  int write = -1;
};

pipe_ends make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
  return {ends[0], ends[1]};
}

std::vector<std::string> clean_environment(const variables& additions) {
  std::vector<std::string> clean;
  for (char** at = environ; *at != nullptr; ++at)
    if (std::string(*at).rfind("PLATEN_", 0) != 0) clean.emplace_back(*at);
  for (const auto& [name, value] : additions)
    clean.push_back(name + "=" + value);
  return clean;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

pid_t spawn(std::vector<std::string> argv, std::vector<std::string> environment, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  auto arguments = pointers_to(argv);
  auto surroundings = pointers_to(environment);
  pid_t pid = 0;
  const int failed =
      posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), surroundings.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), argv[0]);
  return pid;
}

int reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

std::string read_all(int from) {
  std::string text;
  std::array<char, 4096> chunk{};
  for (ssize_t size = 0; (size = read(from, chunk.data(), chunk.size())) > 0;)
    text.append(chunk.data(), static_cast<std::size_t>(size));
  close(from);
  return text;
}

}  // namespace

program::program(const std::vector<std::string>& argv, const variables& environment) {
  const auto output = make_pipe();
  pid_ = spawn(argv, clean_environment(environment), output.write, output.write);
  close(output.write);
  collector_ = std::thread([this, from = output.read] { collect(from); });
}

program::~program() {
  if (!reaped_) {
    signal(SIGKILL);
    wait();
  }
  collector_.join();
}

void program::collect(int from) {
  std::array<char, 4096> chunk{};
  for (ssize_t size = 0; (size = read(from, chunk.data(), chunk.size())) > 0;) {
    const std::lock_guard lock(mutex_);
    output_.append(chunk.data(), static_cast<std::size_t>(size));
    more_.notify_all();
  }
  close(from);
  const std::lock_guard lock(mutex_);
  ended_ = true;
  more_.notify_all();
}

std::optional<std::string> program::line_with(const std::string& text, std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  std::string line;
  more_.wait_for(lock, limit, [&] {
    const auto found = output_.find(text);
    const auto end = found == std::string::npos ? found : output_.find('\n', found);
    if (end == std::string::npos) return ended_;
    const auto begin = output_.rfind('\n', found);
    line = output_.substr(begin == std::string::npos ? 0 : begin + 1, end - begin - 1);
    return true;
  });
  return line.empty() ? std::nullopt : std::optional(line);
}

std::string program::output() const {
  const std::lock_guard lock(mutex_);
  return output_;
}

void program::signal(int number) const {
  if (!reaped_) kill(pid_, number);
}

int program::wait() {
  reaped_ = true;
  return reap(pid_);
}

finished run(const std::vector<std::string>& argv, const variables& environment) {
  const auto out = make_pipe();
  const auto err = make_pipe();
  const auto pid = spawn(argv, clean_environment(environment), out.write, err.write);
  close(out.write);
  close(err.write);
  finished result;
  std::thread errors([&] { result.err = read_all(err.read); });
  result.out = read_all(out.read);
  errors.join();
  result.code = reap(pid);
  return result;
}

}  // namespace platen::tests
