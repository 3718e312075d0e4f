#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <sstream>

#include "events/hash.hpp"
#include "store/rocksdb_log.hpp"
#include "store/verify.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen;
using namespace platen::store;

namespace {

// append_forever with its output on a pipe; killed at the latest when it goes out of scope.
class appender {
 public:
  explicit appender(const std::string& path) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    std::string program = APPEND_FOREVER;
    std::string argument = path;
    std::array<char*, 3> arguments{program.data(), argument.data(), nullptr};
    REQUIRE(posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    output_.reset(fdopen(ends[0], "r"));
  }
  ~appender() { kill_and_wait(); }
  appender(const appender&) = delete;
  appender& operator=(const appender&) = delete;

  // The next line, empty at the end of the output.
  std::string line() {
    std::array<char, 256> text{};
    return std::fgets(text.data(), text.size(), output_.get()) ? text.data() : "";
  }

  void kill_now() const { kill(pid_, SIGKILL); }

 private:
  struct closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  void kill_and_wait() const {
    kill_now();
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid_ = 0;
  std::unique_ptr<std::FILE, closer> output_;
};

struct acknowledged {
  std::map<std::string, std::uint64_t> versions;
  head newest;

  void note(const std::string& line) {
    std::istringstream words(line);
    std::string stream;
    std::string hash;
    std::uint64_t version = 0;
    head seen;
    words >> stream >> version >> seen.sequence >> hash;
    REQUIRE(words);
    versions["instance/" + stream] = version;
    seen.hash = events::digest_from_hex(hash).value();
    newest = seen;
  }
};

void check_kept(const std::string& path, const acknowledged& before) {
  const auto log = rocksdb_log::open(path);
  INFO((log ? "" : log.error().message));
  REQUIRE(log);
  const auto report = verify(**log, before.newest);
  INFO((report.ok() ? "" : report.first_bad->message));
  CHECK(report.ok());
  // Each append had two events: an odd version would be half of one.
  std::map<std::string, std::uint64_t> found;
  for (const auto& event : testing::all_events(**log))
    found[event.stream] = event.version;
  for (const auto& [stream, version] : before.versions)
    CHECK(found[stream] >= version);
  for (const auto& [stream, version] : found)
    CHECK(version % 2 == 0);
}

}  // namespace

TEST_CASE("P1: kill -9 at any moment loses nothing that was acknowledged") {
  const testing::temporary_directory directory;
  acknowledged before;
  std::mt19937 random(20261122);
  for (int round = 0; round < 8; ++round) {
    INFO("round " << round);
    {
      appender writer(directory / "log");
      for (auto lines = 1 + random() % 100; lines > 0; --lines)
        before.note(writer.line());
      writer.kill_now();
      for (auto line = writer.line(); !line.empty(); line = writer.line())
        before.note(line);
    }
    check_kept(directory / "log", before);
  }
}
