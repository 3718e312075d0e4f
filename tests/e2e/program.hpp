// Programs as the tests run them: started, ended, and read.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace platen::tests {

using variables = std::vector<std::pair<std::string, std::string>>;

// Without any PLATEN_ variable of the tests' own environment, but with those that are given; what
// it prints on both streams is collected. Ended with SIGKILL when the object goes.
class program {
 public:
  explicit program(const std::vector<std::string>& argv, const variables& environment = {});
  ~program();
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  pid_t pid() const { return pid_; }

  // The first line that contains `text`, as soon as it is printed; none if the output ends or the
  // time passes before.
  std::optional<std::string> line_with(const std::string& text, std::chrono::seconds limit);
  std::string output() const;

  void signal(int number) const;
  // Reaps it. The exit code, or minus the number of the signal that ended it.
  int wait();

 private:
  void collect(int from);

  pid_t pid_ = 0;
  bool reaped_ = false;
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::string output_;
  bool ended_ = false;
  std::thread collector_;
};

struct finished {
  int code = 0;
  std::string out;
  std::string err;
};

// Runs it to its end.
finished run(const std::vector<std::string>& argv, const variables& environment = {});

}  // namespace platen::tests
