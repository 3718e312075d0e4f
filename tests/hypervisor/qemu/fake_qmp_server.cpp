#include "fake_qmp_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "hypervisor/qemu/unix_connection.hpp"

namespace platen::test {

namespace {

using namespace hypervisor::qemu;

void say(int fd, const std::string& text) {
  if (!text.empty()) ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

}  // namespace

fake_qmp_server::fake_qmp_server(std::string greeting, std::vector<std::string> answers) {
  std::string pattern = (std::filesystem::temp_directory_path() / "platen-qmp-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  directory_ = open_file(folder_, O_RDONLY | O_DIRECTORY).value();
  listener_ = listen_in(directory_.get(), "qmp.sock").value();
  thread_ =
      std::thread([this, greeting, answers] { serve(std::move(greeting), std::move(answers)); });
}

fake_qmp_server::~fake_qmp_server() {
  if (thread_.joinable()) thread_.join();
  std::filesystem::remove_all(folder_);
}

const std::vector<std::string>& fake_qmp_server::commands() {
  if (thread_.joinable()) thread_.join();
  return commands_;
}

void fake_qmp_server::serve(std::string greeting, std::vector<std::string> answers) {
  const unique_fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  say(client.get(), greeting);
  for (const auto& answer : answers) {
    char bytes[4096];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    iovec part{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const auto n = ::recvmsg(client.get(), &message, MSG_CMSG_CLOEXEC);
    if (n <= 0) return;
    got_descriptor_ = got_descriptor_ || CMSG_FIRSTHDR(&message) != nullptr;
    commands_.emplace_back(bytes, static_cast<std::size_t>(n));
    auto text = answer;
    const auto id = nlohmann::json::parse(commands_.back()).at("id").dump();
    for (auto at = text.find("$ID"); at != std::string::npos; at = text.find("$ID"))
      text.replace(at, 3, id);
    say(client.get(), text);
  }
}

}  // namespace platen::test
