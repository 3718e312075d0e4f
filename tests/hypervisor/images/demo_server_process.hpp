// The demo image's server, run on the host with the paths of a test.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace platen::hypervisor::images::test {

class demo_server_process {
 public:
  explicit demo_server_process(const std::map<std::string, std::string>& environment);
  ~demo_server_process();
  demo_server_process(const demo_server_process&) = delete;
  demo_server_process& operator=(const demo_server_process&) = delete;

  // Reads the server's output up to the first line that begins so; gives that line.
  std::string wait_for_line(const std::string& beginning);
  const std::vector<std::string>& lines() const { return lines_; }

  // A connection to the port the server said it listens on.
  int connect() const;

 private:
  pid_t pid_ = 0;
  std::FILE* output_ = nullptr;
  std::vector<std::string> lines_;
};

// Sends a request and reads the whole answer. Closes the connection.
std::string answer_on(int connection, const std::string& request);
std::string body_of(const std::string& answer);

}  // namespace platen::hypervisor::images::test
