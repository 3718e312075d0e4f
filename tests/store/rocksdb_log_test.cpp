#include "store/rocksdb_log.hpp"

#include <rocksdb/db.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <set>

#include "store/verify.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen::store;
using namespace platen::store::testing;

namespace {

std::unique_ptr<rocksdb_log> open_log(const std::string& path, rocksdb_log_options how = {}) {
  auto log = rocksdb_log::open(path, std::move(how));
  INFO((log ? "" : log.error().message));
  REQUIRE(log);
  return std::move(*log);
}

rocksdb_log_options read_only() {
  rocksdb_log_options how;
  how.mode = open_mode::read_only;
  return how;
}

}  // namespace

TEST_CASE("P3: a log that is opened again is as it was left") {
  const temporary_directory directory;
  head before;
  {
    const auto log = open_log(directory / "log");
    for (std::uint64_t i = 0; i < 30; ++i)
      REQUIRE(append_and_wait(*log, request("instance/" + std::to_string(i % 7), i / 7 * 2, 2)));
    before = log->newest();
  }
  const auto log = open_log(directory / "log");
  CHECK(log->newest().sequence == 60);
  CHECK(log->newest().hash == before.hash);
  CHECK(verify(*log, before).ok());
  CHECK(verify(*log).streams == 7);
  CHECK(append_and_wait(*log, request("instance/0", 8)).error().what ==
        error::kind::version_conflict);
  CHECK(append_and_wait(*log, request("instance/0", 10))->first_sequence == 61);
  CHECK(append_and_wait(*log, request("instance/new", 0))->first_sequence == 62);
  CHECK(verify(*log, before).ok());
}

TEST_CASE("more events than are checked at opening are opened, too") {
  const temporary_directory directory;
  {
    const auto log = open_log(directory / "log");
    for (std::uint64_t i = 0; i < 40; ++i)
      REQUIRE(append_and_wait(*log, request("template/a", i * 64, 64)));
  }
  const auto log = open_log(directory / "log");
  CHECK(log->newest().sequence == 40 * 64);
  CHECK(verify(*log).events == 40 * 64);
}

TEST_CASE("streams whose names begin alike are kept apart") {
  const temporary_directory directory;
  const std::vector<std::string> names = {"a", "a!", "a~", "aa", "b", "~~"};
  {
    const auto log = open_log(directory / "log");
    for (std::uint64_t i = 0; i < names.size(); ++i)
      REQUIRE(append_and_wait(*log, request(names[i], 0, i + 1)));
  }
  const auto log = open_log(directory / "log");
  for (std::uint64_t i = 0; i < names.size(); ++i) {
    CHECK(stream_events(*log, names[i]).size() == i + 1);
    CHECK(append_and_wait(*log, request(names[i], i + 1)));
  }
}

TEST_CASE("closing writes what is queued; what comes later is told that the log is closed") {
  const temporary_directory directory;
  std::atomic<int> written = 0;
  {
    const auto log = open_log(directory / "log");
    for (int i = 0; i < 500; ++i)
      log->append(request("instance/" + std::to_string(i), 0), [&](const auto& outcome) {
        if (outcome) ++written;
      });
    log->close();
    CHECK(written == 500);
    CHECK(append_and_wait(*log, request("instance/late", 0)).error().what == error::kind::closed);
    CHECK(all_events(*log).size() == 500);
    log->close();
  }
  CHECK(open_log(directory / "log")->newest().sequence == 500);
}

TEST_CASE("P8: more than the queue takes is refused as busy, and taken again when there is room") {
  const temporary_directory directory;
  rocksdb_log_options how;
  how.queued_events_max = 10;
  const auto log = open_log(directory / "log", how);
  std::promise<void> writing;
  std::promise<void> go_on;
  log->append(request("template/a", 0, 10), [&](const auto&) {
    writing.set_value();
    go_on.get_future().get();
  });
  writing.get_future().get();

  std::promise<result<appended>> second;
  log->append(request("template/a", 10, 10), [&](auto outcome) { second.set_value(outcome); });
  const auto refused = append_and_wait(*log, request("template/b", 0));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == error::kind::busy);
  go_on.set_value();
  CHECK(second.get_future().get());
  CHECK(append_and_wait(*log, request("template/b", 0, 10)));
  CHECK(log->newest().sequence == 30);
}

TEST_CASE("P8: the queue is limited in bytes as well") {
  const temporary_directory directory;
  rocksdb_log_options how;
  how.queued_bytes_max = 1000;
  const auto log = open_log(directory / "log", how);
  auto big = request("template/a", 0);
  big.what = {platen::events::unknown_event{"Big", std::string(1001, 'x')}};
  CHECK(append_and_wait(*log, big).error().what == error::kind::busy);
  CHECK(append_and_wait(*log, request("template/a", 0)));
}

TEST_CASE("requests of one group see each other's events and become durable together") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log");
  std::promise<void> writing;
  std::promise<void> go_on;
  log->append(request("template/first", 0), [&](const auto&) {
    writing.set_value();
    go_on.get_future().get();
  });
  writing.get_future().get();

  std::vector<std::string> outcomes;
  std::vector<std::uint64_t> heard;
  const auto note = [&](const result<appended>& outcome) {
    outcomes.push_back(outcome ? std::to_string(outcome->first_sequence) : "conflict");
  };
  log->append(request("template/a", 0, 2), note);
  log->append(request("template/a", 0), note);
  log->append(request("template/a", 2), note);
  log->append(request("template/b", 0), note);
  log->subscribe([&](std::uint64_t newest) { heard.push_back(newest); });
  go_on.set_value();
  log->close();
  CHECK(outcomes == std::vector<std::string>{"2", "conflict", "4", "5"});
  CHECK(heard.back() == 5);
  CHECK(heard.size() == 2);
}

TEST_CASE("one log is open for writing once") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log");
  const auto second = rocksdb_log::open(directory / "log");
  REQUIRE_FALSE(second);
  CHECK(second.error().what == error::kind::io);
  CHECK(second.error().message.find("another process") != std::string::npos);
}

TEST_CASE("a log is read without writing to it, while it is written and as a copy") {
  const temporary_directory directory;
  auto log = open_log(directory / "log");
  REQUIRE(append_and_wait(*log, request("template/a", 0, 5)));
  const head seen = log->newest();
  {
    const auto reader = open_log(directory / "log", read_only());
    CHECK(reader->newest().hash == seen.hash);
    CHECK(verify(*reader, seen).ok());
    CHECK(append_and_wait(*reader, request("template/a", 5)).error().what == error::kind::closed);
    REQUIRE(append_and_wait(*log, request("template/a", 5)));
    CHECK(reader->newest().sequence == 5);
    CHECK(all_events(*reader).size() == 5);
  }
  std::filesystem::copy(directory / "log", directory / "copy",
                        std::filesystem::copy_options::recursive);
  log.reset();
  CHECK(open_log(directory / "copy", read_only())->newest().sequence == 6);
  CHECK(verify(*open_log(directory / "log", read_only()), seen).ok());
}

TEST_CASE("a log that is not there is not read, and not made by reading") {
  const temporary_directory directory;
  const auto missing = rocksdb_log::open(directory / "none", read_only());
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what == error::kind::io);
  CHECK_FALSE(std::filesystem::exists(directory / "none/CURRENT"));
  CHECK_FALSE(rocksdb_log::open(directory / "no/parent"));
}

TEST_CASE("the column families are the documented ones") {
  const temporary_directory directory;
  open_log(directory / "log").reset();
  std::vector<std::string> names;
  REQUIRE(rocksdb::DB::ListColumnFamilies({}, directory / "log", &names).ok());
  CHECK(std::set<std::string>(names.begin(), names.end()) ==
        std::set<std::string>{"default", "events", "meta", "projections", "snapshots", "streams"});
}

TEST_CASE("no callback of a listener comes after unsubscribe returned") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log");
  for (std::uint64_t round = 0; round < 100; ++round) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    const auto token = log->subscribe([&alive = *alive](std::uint64_t) { CHECK(alive); });
    log->append(request("template/a", round), [](const auto&) {});
    log->unsubscribe(token);
    *alive = false;
    alive.reset();
  }
  log->close();
  CHECK(log->newest().sequence == 100);
}
