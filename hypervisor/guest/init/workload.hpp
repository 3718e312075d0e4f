// The image's main process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hypervisor/guest/init/system.hpp"

namespace platen::guest {

struct workload_spec {
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // later entries win
  std::string workdir;                                   // empty: "/"
  std::string user;                                      // see resolve_user
  std::string hostname;
};

// "NAME=value" for each variable: PATH, HOME and HOSTNAME by default, `wanted` over them.
std::vector<std::string> make_environment(
    const std::vector<std::pair<std::string, std::string>>& wanted, const std::string& home,
    const std::string& hostname);

class workload {
 public:
  // Forks. Everything that can touch the image's files happens in the child: they may lie on a
  // file system that this process has to answer for.
  static result<workload> start(const workload_spec& spec);

  pid_t pid() const { return pid_; }

  // Standard output and error, non-blocking.
  owned_fd take_output() { return std::move(output_); }

  // Readable as soon as the program was executed, or could not be.
  int verdict_fd() const { return verdict_.get(); }

  // Nothing while that is open; an empty status once it runs; the reason if it could not.
  std::optional<status> verdict();

 private:
  pid_t pid_ = 0;
  owned_fd output_;
  owned_fd verdict_;
};

}  // namespace platen::guest
