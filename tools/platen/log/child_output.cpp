#include "tools/platen/log/child_output.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace platen::cli {
namespace {

// What posix_spawn is told to do with the child's descriptors.
class descriptor_plan {
 public:
  descriptor_plan() { posix_spawn_file_actions_init(&actions_); }
  ~descriptor_plan() { posix_spawn_file_actions_destroy(&actions_); }
  descriptor_plan(const descriptor_plan&) = delete;
  descriptor_plan& operator=(const descriptor_plan&) = delete;

  void output_to(int descriptor) {
    posix_spawn_file_actions_adddup2(&actions_, descriptor, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// The pointers that exec wants, ended by a null pointer, valid as long as the texts.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// The program's own environment after the additions: of two values the first one counts.
std::vector<std::string> with_own(std::vector<std::string> environment) {
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text(*variable);
    const auto name = text.substr(0, text.find('=') + 1);
    bool replaced = false;
    for (const auto& added : environment)
      replaced = replaced || added.starts_with(name);
    if (!replaced) environment.push_back(text);
  }
  return environment;
}

failure cannot_start(const std::string& name, int error) {
  return {exit_code::failed, "cannot start " + name + ": " + std::strerror(error)};
}

}  // namespace

result<child_output> child_output::start(const std::vector<std::string>& arguments,
                                         const std::vector<std::string>& environment) {
  const auto& name = arguments.front();
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return tl::unexpected(cannot_start(name, errno));
  descriptor_plan plan;
  plan.output_to(ends[1]);
  auto argument_texts = arguments;
  auto variable_texts = with_own(environment);
  const auto argument_pointers = pointers_to(argument_texts);
  const auto variable_pointers = pointers_to(variable_texts);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, name.c_str(), plan.get(), nullptr,
                                   argument_pointers.data(), variable_pointers.data());
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return tl::unexpected(cannot_start(name, error));
  }
  return child_output(name, pid, ::fdopen(ends[0], "r"));
}

child_output::child_output(child_output&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, 0)),
      output_(std::move(other.output_)) {}

child_output::~child_output() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGTERM);
  output_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::optional<std::string> child_output::next_line() {
  std::string line;
  for (int c = std::getc(output_.get()); c != EOF; c = std::getc(output_.get())) {
    if (c == '\n') return line;
    line += static_cast<char>(c);
  }
  return line.empty() ? std::nullopt : std::optional(line);
}

result<void> child_output::finish() {
  output_.reset();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(
      exit_code::failed,
      name_ + (WIFEXITED(status) ? " ended with exit code " + std::to_string(WEXITSTATUS(status))
                                 : " was ended by signal " + std::to_string(WTERMSIG(status))));
}

}  // namespace platen::cli
