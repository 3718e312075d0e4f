// The other end of a QMP connection: says the lines it is given, one batch per command it reads.
#pragma once

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "hypervisor/qemu/file.hpp"

namespace platen::test {

class fake_qmp_server {
 public:
  // Answers the n-th command with answers[n], in which "$ID" stands for the command's id; closes
  // the connection after the last.
  explicit fake_qmp_server(std::string greeting, std::vector<std::string> answers);
  ~fake_qmp_server();

  int directory_fd() const { return directory_.get(); }
  // What the client has sent; to be called after the client is done.
  const std::vector<std::string>& commands();
  // Whether a descriptor came along with a command.
  bool got_descriptor() const { return got_descriptor_; }

 private:
  void serve(std::string greeting, std::vector<std::string> answers);

  std::filesystem::path folder_;
  hypervisor::qemu::unique_fd directory_;
  hypervisor::qemu::unique_fd listener_;
  std::vector<std::string> commands_;
  bool got_descriptor_ = false;
  std::thread thread_;
};

}  // namespace platen::test
