#include "hypervisor/qemu/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

using namespace platen::hypervisor::qemu;
namespace fs = std::filesystem;

namespace {

class folder {
 public:
  folder() {
    std::string pattern = (fs::temp_directory_path() / "platen-process-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    log = open_file(path / "log", O_RDWR | O_CREAT).value();
  }
  ~folder() { fs::remove_all(path); }
  fs::path path;
  unique_fd log;
};

process run(const folder& where, std::vector<std::string> argv, std::vector<int> inherited = {}) {
  spawn_request request;
  request.argv = std::move(argv);
  request.working_directory = where.path;
  request.output_fd = where.log.get();
  request.inherited = std::move(inherited);
  auto child = process::spawn(request);
  REQUIRE(child);
  return std::move(*child);
}

exit_status wait_for(const process& child) {
  pollfd gone{child.pidfd(), POLLIN, 0};
  REQUIRE(::poll(&gone, 1, 10'000) == 1);
  return child.collect();
}

std::string log_of(const folder& where) {
  return file_tail(where.path / "log", 4096);
}

}  // namespace

TEST_CASE("a process gets its own session, directory and descriptors and nothing else") {
  const folder here;
  std::ofstream(here.path / "secret") << "passed on";
  const auto passed = open_file(here.path / "secret", O_RDONLY).value();
  const auto kept = open_file(here.path / "secret", O_RDONLY).value();
  ::fcntl(kept.get(), F_SETFD, 0);  // would be inherited if nobody closed it
  const auto child =
      run(here, {"sh", "-c", "pwd; cat <&3; echo; ls /proc/self/fd | wc -l"}, {passed.get()});
  const auto status = wait_for(child);
  CHECK(status.known);
  CHECK(status.code == 0);
  // 0, 1, 2, 3 and the one `ls` opens itself.
  CHECK(log_of(here) == here.path.string() + "\npassed on\n5\n");
}

TEST_CASE("the end of a process is told by exit code or signal") {
  const folder here;
  const auto leaving = run(here, {"sh", "-c", "exit 3"});
  CHECK(describe(wait_for(leaving)) == "QEMU exited with code 3");
  const auto victim = run(here, {"sleep", "1000"});
  victim.signal(SIGKILL);
  CHECK(describe(wait_for(victim)) == "QEMU was ended by signal 9 (Killed)");
}

TEST_CASE("a program that does not exist is an error that names it") {
  const folder here;
  spawn_request request;
  request.argv = {"no-such-program"};
  request.working_directory = here.path;
  request.output_fd = here.log.get();
  const auto child = process::spawn(request);
  REQUIRE_FALSE(child);
  CHECK(child.error().find("no-such-program") != std::string::npos);
}

TEST_CASE("a process is recognized by number and start time, directory and argument") {
  const folder here;
  int ends[2] = {-1, -1};
  REQUIRE(::pipe(ends) == 0);
  const unique_fd ready(ends[0]);
  const unique_fd say_ready(ends[1]);
  const auto child = run(here, {"sh", "-c", "echo >&3; kill -STOP $$", "1000"}, {say_ready.get()});
  // The command line of a process is not there yet at the moment it was spawned.
  char line = 0;
  REQUIRE(::read(ready.get(), &line, 1) == 1);
  CHECK(process::attach(child.pid(), child.start_ticks()));
  CHECK_FALSE(process::attach(child.pid(), child.start_ticks() + 1));
  CHECK(process_matches(child.pid(), here.path, "1000"));
  CHECK_FALSE(process_matches(child.pid(), here.path, "100"));
  CHECK_FALSE(process_matches(child.pid(), "/", "1000"));
  CHECK(find_processes(here.path, "1000") == std::vector<pid_t>{child.pid()});
  child.signal(SIGKILL);
  wait_for(child);
  CHECK_FALSE(process::attach(child.pid(), child.start_ticks()));
}

TEST_CASE("a process that is not a child can be watched to its end") {
  const folder here;
  // The shell leaves its background job to init and tells its number.
  const auto parent = run(here, {"sh", "-c", "sleep 1000 & echo $!"});
  wait_for(parent);
  const auto pid = static_cast<pid_t>(std::stol(log_of(here)));
  const auto orphan = process::attach(pid, process_start_ticks(pid).value());
  REQUIRE(orphan);
  orphan->signal(SIGKILL);
  CHECK_FALSE(wait_for(*orphan).known);
}
