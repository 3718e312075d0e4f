#include "vm.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace platen::test {
namespace {

using clock = std::chrono::steady_clock;

// The child ends with the test, however that ends.
pid_t spawn(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const auto& argument : command)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

bool wait_readable(int fd, std::chrono::milliseconds patience) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, static_cast<int>(patience.count())) > 0;
}

// Sockets appear a moment after QEMU was started.
int connect_unix(const fs::path& path) {
  const auto deadline = clock::now() + 20s;
  for (;;) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    if (clock::now() > deadline) throw std::runtime_error("cannot connect to " + path.string());
    ::poll(nullptr, 0, 1);
  }
}

std::string memory_object(const vm_options& options) {
  const auto size = ",id=ram,size=" + std::to_string(options.memory_mb) + "M";
  if (options.memory.empty()) return "memory-backend-ram" + size;
  return "memory-backend-file" + size + ",mem-path=" + options.memory.string() +
         (options.clone ? ",share=off" : ",share=on");
}

std::vector<std::string> command_line(const vm_options& options) {
  const fs::path bundle = PLATEN_GUEST_BUNDLE_DIR;
  const auto description = nlohmann::json::parse(read_all(bundle / "bundle.json"));
  const std::string folder = options.folder;
  std::string net = "user,id=net0";
  if (options.host_port != 0)
    net += ",hostfwd=tcp:127.0.0.1:" + std::to_string(options.host_port) + "-:8080";
  std::vector<std::string> command{
      "qemu-system-x86_64",
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-no-reboot",
      "-machine",
      "microvm,accel=tcg,rtc=on,pit=off,pic=off,isa-serial=on,memory-backend=ram",
      "-cpu",
      "max",
      "-smp",
      "1",
      "-m",
      std::to_string(options.memory_mb) + "M",
      "-object",
      memory_object(options),
      "-kernel",
      bundle / std::string(description["kernel"]),
      "-initrd",
      bundle / std::string(description["initramfs"]),
      "-append",
      description["command_line"],
      "-blockdev",
      "qcow2,node-name=root,file.driver=file,file.filename=" + options.root_disk.string(),
      "-device",
      "virtio-blk-device,id=root,drive=root,serial=platen-root",
      "-blockdev",
      "raw,node-name=rom,read-only=on,file.driver=file,file.filename=" + options.rom_drive.string(),
      "-device",
      "virtio-blk-device,id=rom,drive=rom,serial=platen-rom",
      "-netdev",
      net,
      "-device",
      "virtio-net-device,id=net,netdev=net0",
      "-device",
      "virtio-serial-device,id=serial",
      "-chardev",
      "socket,id=agent,server=on,wait=off,path=" + folder + "/agent.sock",
      "-device",
      "virtserialport,bus=serial.0,nr=1,chardev=agent,name=platen.agent",
      "-chardev",
      "file,id=output,append=on,path=" + folder + "/output.log",
      "-device",
      "virtserialport,bus=serial.0,nr=2,chardev=output,name=platen.output",
      "-chardev",
      "file,id=console,append=on,path=" + folder + "/console.log",
      "-serial",
      "chardev:console",
      "-qmp",
      "unix:" + folder + "/qmp.sock,server=on,wait=off"};
  if (!options.load_snapshot.empty())
    command.insert(command.end(), {"-loadvm", options.load_snapshot});
  if (options.clone) {
    command.insert(command.end(), {"-S", "-incoming", "defer"});
  }
  return command;
}

}  // namespace

scratch_folder::scratch_folder() {
  std::string name = fs::temp_directory_path() / "platen-guest-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void run(const std::vector<std::string>& command) {
  int status = 0;
  ::waitpid(spawn(command), &status, 0);
  if (status != 0) throw std::runtime_error(command[0] + " failed");
}

std::string read_all(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

namespace {
void write_files(const fs::path& folder, const std::vector<image_file>& files) {
  for (const auto& file : files) {
    const auto path = folder / file.path;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << file.bytes;
    fs::permissions(path, fs::perms(0755));
  }
}
}  // namespace

void make_root_disk(const fs::path& raw, const fs::path& work,
                    const std::vector<image_file>& files) {
  fs::create_directories(work / "bin");
  fs::create_directories(work / "etc");
  fs::copy_file("/bin/busybox", work / "bin/busybox");
  for (const char* applet :
       {"sh",    "cat", "echo", "sleep", "httpd",   "od",   "date", "hostname", "id",    "ls",
        "mount", "dd",  "yes",  "head",  "wc",      "env",  "kill", "rm",       "seq",   "touch",
        "mkdir", "cut", "tr",   "ln",    "timeout", "test", "true", "ps",       "uptime"})
    fs::create_symlink("busybox", work / "bin" / applet);
  write_files(work, files);
  run({"mke2fs", "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", work, raw, "64M"});
}

void make_overlay(const fs::path& overlay, const fs::path& backing, const std::string& format) {
  run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", backing, overlay});
}

std::uint64_t make_erofs(const fs::path& image, const fs::path& work,
                         const std::vector<image_file>& files) {
  fs::create_directories(work);
  write_files(work, files);
  run({"mkfs.erofs", "--quiet", image, work});
  return fs::file_size(image);
}

void make_rom_drive(const fs::path& drive) {
  std::ofstream(drive, std::ios::binary).flush();
  fs::resize_file(drive, 16 << 20);
}

void copy_into(const fs::path& drive, const fs::path& image, std::uint64_t offset) {
  std::fstream out(drive, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(offset));
  out << read_all(image);
}

std::string http_get(std::uint16_t port, const std::string& path) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    [[maybe_unused]] const auto sent = ::write(fd, request.data(), request.size());
    std::array<char, 4096> bytes{};
    while (wait_readable(fd, 10s)) {
      const auto size = ::read(fd, bytes.data(), bytes.size());
      if (size <= 0) break;
      answer.append(bytes.data(), static_cast<std::size_t>(size));
    }
  }
  ::close(fd);
  return answer;
}

vm::vm(vm_options options) : options_(std::move(options)) {
  fs::create_directories(options_.folder);
  pid_ = spawn(command_line(options_));
  exit_watch_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  qmp_ = connect_unix(options_.folder / "qmp.sock");
  next_qmp_line();
  qmp("qmp_capabilities");
  connect_agent();
}

vm::~vm() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {exit_watch_, qmp_, agent_}) {
    if (fd >= 0) ::close(fd);
  }
}

void vm::give_up(const std::string& what) {
  throw std::runtime_error(what + "; console:\n" + console() + "\noutput:\n" + output());
}

nlohmann::json vm::next_qmp_line() {
  for (;;) {
    if (const auto end = qmp_text_.find('\n'); end != std::string::npos) {
      auto line = nlohmann::json::parse(qmp_text_.substr(0, end));
      qmp_text_.erase(0, end + 1);
      return line;
    }
    std::array<char, 4096> bytes{};
    if (!wait_readable(qmp_, 30s)) give_up("QMP fell silent");
    const auto size = ::read(qmp_, bytes.data(), bytes.size());
    if (size <= 0) give_up("QMP was closed");
    qmp_text_.append(bytes.data(), static_cast<std::size_t>(size));
  }
}

nlohmann::json vm::qmp(const std::string& command, const nlohmann::json& arguments, int passed_fd) {
  nlohmann::json request{{"execute", command}};
  if (!arguments.is_null()) request["arguments"] = arguments;
  std::string text = request.dump();
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (passed_fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &passed_fd, sizeof passed_fd);
  }
  if (::sendmsg(qmp_, &message, 0) < 0) give_up("QMP takes no orders");
  for (;;) {
    auto line = next_qmp_line();
    if (line.contains("error")) give_up(command + ": " + line["error"].dump());
    if (line.contains("return")) return line["return"];
    qmp_events_.push_back(std::move(line));
  }
}

void vm::await_qmp_event(const std::function<bool(const nlohmann::json&)>& wanted) {
  for (;;) {
    while (!qmp_events_.empty()) {
      const auto event = std::move(qmp_events_.front());
      qmp_events_.pop_front();
      if (wanted(event)) return;
    }
    qmp_events_.push_back(next_qmp_line());
  }
}

void vm::connect_agent() {
  disconnect_agent();
  agent_ = connect_unix(options_.folder / "agent.sock");
}

void vm::disconnect_agent() {
  if (agent_ >= 0) ::close(std::exchange(agent_, -1));
  decoder_ = {};
  messages_.clear();
}

void vm::send_bytes(const std::vector<std::uint8_t>& bytes) {
  if (::send(agent_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(bytes.size()))
    give_up("the agent's socket takes no bytes");
}

std::optional<guest::verified_message> vm::next_message(std::chrono::milliseconds patience) {
  const auto deadline = clock::now() + patience;
  while (messages_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (left <= 0ms || !wait_readable(agent_, left)) return std::nullopt;
    std::array<std::uint8_t, 4096> bytes{};
    const auto size = ::read(agent_, bytes.data(), bytes.size());
    if (size <= 0) return std::nullopt;
    for (auto& message : decoder_.feed(std::span(bytes).first(static_cast<std::size_t>(size))))
      messages_.push_back(std::move(message));
  }
  auto message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

void vm::refuse(std::uint32_t number) {
  wire::RefuseT refusal;
  refusal.number = number;
  send(std::move(refusal));
}

guest::verified_message vm::greet(std::uint64_t nonce) {
  wire::HelloT hello;
  hello.protocol = guest::protocol_version;
  hello.nonce = nonce;
  send(std::move(hello));
  for (;;) {
    auto welcome = expect<wire::Welcome>();
    if (welcome.as<wire::Welcome>()->nonce() == nonce) return welcome;
  }
}

std::string vm::await_output(const std::string& text, std::chrono::milliseconds patience) {
  const auto path = options_.folder / "output.log";
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  ::inotify_add_watch(watch, path.c_str(), IN_MODIFY);
  const auto deadline = clock::now() + patience;
  std::string seen;
  for (;;) {
    seen = output();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    if (seen.find(text) != std::string::npos || left <= 0ms || !wait_readable(watch, left)) break;
    std::array<char, 4096> events{};
    while (::read(watch, events.data(), events.size()) > 0) {
    }
  }
  ::close(watch);
  if (seen.find(text) == std::string::npos) give_up("the workload did not write \"" + text + "\"");
  return seen;
}

int vm::await_exit(std::chrono::milliseconds patience) {
  if (!wait_readable(exit_watch_, patience)) give_up("QEMU did not end");
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double vm::cpu_seconds() const {
  const auto text = read_all("/proc/" + std::to_string(pid_) + "/stat");
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int at = 0; at < 11; ++at)
    fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

namespace {
void ignore_shared(vm& machine) {
  machine.qmp("migrate-set-capabilities", {{"capabilities",
                                            {{{"capability", "x-ignore-shared"}, {"state", true}},
                                             {{"capability", "events"}, {"state", true}}}}});
}

bool migration_completed(const nlohmann::json& event) {
  if (event.value("event", "") != "MIGRATION") return false;
  const std::string status = event["data"]["status"];
  if (status == "failed") throw std::runtime_error("the migration failed");
  return status == "completed";
}
}  // namespace

void vm::snapshot(const fs::path& state) {
  qmp("stop");
  ignore_shared(*this);
  const int fd = ::open(state.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  qmp("getfd", {{"fdname", "state"}}, fd);
  ::close(fd);
  qmp("migrate", {{"uri", "fd:state"}});
  await_qmp_event(migration_completed);
  qmp("quit");
  await_exit();
}

void vm::restore(const fs::path& state) {
  ignore_shared(*this);
  const int fd = ::open(state.c_str(), O_RDONLY | O_CLOEXEC);
  qmp("getfd", {{"fdname", "state"}}, fd);
  ::close(fd);
  qmp("migrate-incoming", {{"uri", "fd:state"}});
  await_qmp_event(migration_completed);
  qmp("cont");
}

}  // namespace platen::test
