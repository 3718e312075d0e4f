// The standard output of a program, line by line, while it runs.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/platen/outcome.hpp"

namespace platen::cli {

// Not thread-safe. The program is ended and awaited at the latest in the destructor.
class child_output {
 public:
  // Starts arguments[0], a path or looked up in PATH, without a shell. It inherits standard error
  // and the environment, with `environment` ("NAME=value") added; its standard input is empty.
  static result<child_output> start(const std::vector<std::string>& arguments,
                                    const std::vector<std::string>& environment);

  child_output(child_output&&) noexcept;
  child_output& operator=(child_output&&) = delete;
  ~child_output();

  // The next line without its end; nothing after the last. Blocks.
  std::optional<std::string> next_line();

  // Waits for the end. The failure names the program and how it ended, unless it ended with 0.
  result<void> finish();

 private:
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  child_output(std::string name, pid_t pid, std::FILE* output)
      : name_(std::move(name)), pid_(pid), output_(output) {}

  std::string name_;
  pid_t pid_ = 0;  // 0: over
  std::unique_ptr<std::FILE, closer> output_;
};

}  // namespace platen::cli
