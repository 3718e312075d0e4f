#include "tests/hypervisor/images/demo_server_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

namespace platen::hypervisor::images::test {

demo_server_process::demo_server_process(const std::map<std::string, std::string>& environment) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment)
    variables.push_back(name + "=" + value);
  std::vector<char*> pointers;
  for (std::string& variable : variables)
    pointers.push_back(variable.data());
  pointers.push_back(nullptr);
  std::string program = DEMO_SERVER_PROGRAM;
  std::array<char*, 2> arguments{program.data(), nullptr};
  const int error =
      ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), pointers.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  REQUIRE(error == 0);
  output_ = ::fdopen(ends[0], "r");
}

demo_server_process::~demo_server_process() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  std::fclose(output_);
}

std::string demo_server_process::wait_for_line(const std::string& beginning) {
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), output_)) {
    lines_.emplace_back(line.data());
    if (lines_.back().starts_with(beginning)) return lines_.back();
  }
  FAIL("the server ended without saying: " << beginning);
  return "";
}

int demo_server_process::connect() const {
  const std::string announcement = "listening on port ";
  int port = 0;
  for (const std::string& line : lines_)
    if (line.starts_with(announcement)) port = std::stoi(line.substr(announcement.size()));
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  REQUIRE(::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return connection;
}

std::string answer_on(int connection, const std::string& request) {
  REQUIRE(::send(connection, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size()));
  std::string answer;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 0; (count = ::recv(connection, buffer.data(), buffer.size(), 0)) > 0;)
    answer.append(buffer.data(), static_cast<std::size_t>(count));
  ::close(connection);
  return answer;
}

std::string body_of(const std::string& answer) {
  const auto end_of_head = answer.find("\r\n\r\n");
  REQUIRE(end_of_head != answer.npos);
  return answer.substr(end_of_head + 4);
}

}  // namespace platen::hypervisor::images::test
