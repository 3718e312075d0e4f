// QEMU as a process that belongs to itself: it outlives the daemon that started it, and a later
// daemon can find it again. No waiting here; a pidfd becomes readable when the process ends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "hypervisor/qemu/file.hpp"

namespace platen::hypervisor::qemu {

struct spawn_request {
  std::vector<std::string> argv;            // argv[0] is looked up in PATH
  std::filesystem::path working_directory;  // becomes the process's own
  int output_fd = -1;                       // its stdout and stderr
  std::vector<int> inherited;               // its descriptors 3, 4, 5, ... in this order
};

struct exit_status {
  bool known = false;  // only of our own children
  int code = 0;
  int signal = 0;  // not 0: ended by it
};

// "QEMU was ended by signal 9 (Killed)", "QEMU exited with code 1".
std::string describe(const exit_status& status);

class process {
 public:
  // Starts it in its own session with no descriptor of ours but the named ones.
  static tl::expected<process, std::string> spawn(const spawn_request& request);

  // Takes hold of a process that is not our child. The start time, from /proc/PID/stat in clock
  // ticks since boot, tells it from a later process with the same number.
  static std::optional<process> attach(pid_t pid, std::uint64_t start_ticks);

  pid_t pid() const { return pid_; }
  std::uint64_t start_ticks() const { return start_ticks_; }
  int pidfd() const { return pidfd_.get(); }
  void signal(int number) const;
  // To be called once pidfd() is readable. Reaps a child; of others nothing is known.
  exit_status collect() const;

 private:
  pid_t pid_ = 0;
  std::uint64_t start_ticks_ = 0;
  unique_fd pidfd_;
};

// Start time of a process, or nothing if there is none or it is a zombie.
std::optional<std::uint64_t> process_start_ticks(pid_t pid);

// Processes that work in `directory` and have `argument` on their command line.
std::vector<pid_t> find_processes(const std::filesystem::path& directory,
                                  const std::string& argument);
bool process_matches(pid_t pid, const std::filesystem::path& directory,
                     const std::string& argument);

}  // namespace platen::hypervisor::qemu
