#include <atomic>
#include <catch2/catch.hpp>
#include <future>

#include "store/rocksdb_log.hpp"
#include "store/verify.hpp"
#include "tests/store/faulty_file_system.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen::store;
using namespace platen::store::testing;

namespace {

constexpr std::size_t commits = 20;

// Commit number i: one to three events, on one of four streams.
append_request planned_commit(std::size_t i) {
  std::uint64_t version = 0;
  for (std::size_t earlier = i % 4; earlier < i; earlier += 4)
    version += earlier % 3 + 1;
  return request("template/" + std::to_string(i % 4), version, i % 3 + 1);
}

struct history {
  std::size_t acknowledged = 0;  // commits
  head last;                     // as it was when the last of them was acknowledged
  std::size_t events = 0;        // that were acknowledged
};

enum class life { in_one_go, with_a_restart };

// Commits one after the other until something fails; a restart is a clean one, half way.
history live(const std::string& path, rocksdb::Env& env, life way) {
  history result;
  rocksdb_log_options how;
  how.env = &env;
  while (result.acknowledged < commits) {
    const bool restarts = way == life::with_a_restart && result.acknowledged < commits / 2;
    const std::size_t pause = restarts ? commits / 2 : commits;
    const auto log = rocksdb_log::open(path, how);
    if (!log) return result;
    while (result.acknowledged < pause) {
      const auto outcome = append_and_wait(**log, planned_commit(result.acknowledged));
      if (!outcome) return result;
      result.events += result.acknowledged % 3 + 1;
      ++result.acknowledged;
      result.last = (*log)->newest();
    }
  }
  return result;
}

// What is in the log must be the planned commits up to the last acknowledged one, or one more: the
// fate of the commit that was under way is open, but it is there entirely or not at all.
void check_recovered(const std::string& path, const history& lived) {
  const auto files = std::make_shared<faulty_file_system>();
  const auto env = environment(files);
  rocksdb_log_options how;
  how.env = env.get();
  const auto log = rocksdb_log::open(path, how);
  if (!log) {
    INFO(log.error().message);
    CHECK(lived.acknowledged == 0);
    return;
  }
  const std::size_t found = (*log)->newest().sequence;
  const bool one_more = found == lived.events + lived.acknowledged % 3 + 1;
  CHECK((found == lived.events || (one_more && lived.acknowledged < commits)));
  const auto report = verify(**log, lived.last);
  INFO((report.ok() ? "" : report.first_bad->message));
  CHECK(report.ok());

  const auto seen = all_events(**log);
  std::size_t place = 0;
  std::size_t next = 0;
  for (; place < seen.size(); ++next)
    for (const auto& what : planned_commit(next).what) {
      REQUIRE(place < seen.size());
      CHECK(seen[place].stream == planned_commit(next).stream);
      CHECK(seen[place++].what == what);
    }
  CHECK(append_and_wait(**log, planned_commit(next)));
  CHECK(verify(**log).ok());
}

std::uint64_t operations_of_an_undisturbed(life way) {
  const temporary_directory directory;
  const auto files = std::make_shared<faulty_file_system>();
  const auto env = environment(files);
  REQUIRE(live(directory / "log", *env, way).acknowledged == commits);
  return files->operations();
}

// Lives once for every `stride`-th file operation, which is the one that fails.
void disturb_every(std::uint64_t stride, life way, loss what,
                   void (faulty_file_system::*fault)(std::uint64_t)) {
  const std::uint64_t operations = operations_of_an_undisturbed(way);
  REQUIRE(operations > 2 * commits);
  std::mt19937 random(20261122);
  for (std::uint64_t at = 1; at <= operations; at += stride) {
    INFO("operation " << at << " of " << operations);
    const temporary_directory directory;
    const auto files = std::make_shared<faulty_file_system>();
    const auto env = environment(files);
    (*files.*fault)(at);
    const auto lived = live(directory / "log", *env, way);
    files->lose(what, random);
    check_recovered(directory / "log", lived);
  }
}

constexpr auto power_cut = &faulty_file_system::crash_at;
constexpr auto single_failure = &faulty_file_system::fail_once_at;

}  // namespace

TEST_CASE(
    "P1: a power cut at any file operation that loses all unsynced loses nothing acknowledged") {
  disturb_every(1, life::in_one_go, loss::everything_unsynced, power_cut);
}

TEST_CASE("P1: a power cut that tears files loses nothing acknowledged") {
  disturb_every(2, life::in_one_go, loss::torn_tails, power_cut);
}

TEST_CASE("P1: a kill in the middle of a file operation loses nothing acknowledged") {
  disturb_every(3, life::in_one_go, loss::nothing, power_cut);
}

TEST_CASE("P1: a power cut after or during a restart loses nothing acknowledged") {
  disturb_every(5, life::with_a_restart, loss::everything_unsynced, power_cut);
}

TEST_CASE("P1: a single failing file operation loses nothing acknowledged") {
  disturb_every(3, life::in_one_go, loss::nothing, single_failure);
  disturb_every(5, life::in_one_go, loss::everything_unsynced, single_failure);
}

// All of it: some minutes.
TEST_CASE("P1: no fault at any file operation, with a restart, loses anything acknowledged",
          "[.exhaustive]") {
  for (const auto what : {loss::everything_unsynced, loss::torn_tails, loss::nothing}) {
    disturb_every(1, life::with_a_restart, what, power_cut);
    disturb_every(1, life::with_a_restart, what, single_failure);
  }
}

TEST_CASE("P9: after a failed sync the log accepts nothing, even when the disk has healed") {
  const temporary_directory directory;
  const auto files = std::make_shared<faulty_file_system>();
  const auto env = environment(files);
  int failures = 0;
  rocksdb_log_options how;
  how.env = env.get();
  how.failure = [&](const error& why) {
    CHECK(why.what == error::kind::io);
    ++failures;
  };
  head acknowledged;
  {
    auto log = rocksdb_log::open(directory / "log", how);
    REQUIRE(log);
    REQUIRE(append_and_wait(**log, request("template/a", 0, 3)));
    acknowledged = (*log)->newest();

    files->fail_syncs(true);
    CHECK(append_and_wait(**log, request("template/a", 3)).error().what == error::kind::io);
    files->fail_syncs(false);
    CHECK(append_and_wait(**log, request("template/a", 3)).error().what == error::kind::io);
    CHECK(append_and_wait(**log, request("template/b", 0)).error().what == error::kind::io);
    CHECK((*log)->newest().sequence == 3);
    CHECK(all_events(**log).size() == 3);
    (*log)->close();
    CHECK(failures == 1);
    CHECK(append_and_wait(**log, request("template/b", 0)).error().what == error::kind::io);
  }
  how.failure = nullptr;
  const auto log = rocksdb_log::open(directory / "log", how);
  REQUIRE(log);
  CHECK(verify(**log, acknowledged).ok());
}

TEST_CASE("P9: a failed write fails everything that waited behind it, and tells once") {
  const temporary_directory directory;
  const auto files = std::make_shared<faulty_file_system>();
  const auto env = environment(files);
  std::atomic<int> failures = 0;
  std::atomic<int> refused = 0;
  rocksdb_log_options how;
  how.env = env.get();
  how.failure = [&](const error&) {
    ++failures;
    CHECK(refused == 50);
  };
  auto log = rocksdb_log::open(directory / "log", how);
  REQUIRE(log);
  // While the writer is held up in a callback, the others gather behind it.
  std::promise<void> held;
  std::promise<void> go_on;
  (*log)->append(request("template/first", 0), [&](const auto&) {
    held.set_value();
    go_on.get_future().get();
  });
  held.get_future().get();
  for (int i = 0; i < 50; ++i)
    (*log)->append(request("template/" + std::to_string(i), 0),
                   [&](const result<appended>& outcome) {
                     if (!outcome && outcome.error().what == error::kind::io) ++refused;
                   });
  files->fail_syncs(true);
  go_on.set_value();
  (*log)->close();
  CHECK(refused == 50);
  CHECK(failures == 1);
}
