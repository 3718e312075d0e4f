// Retention: a log whose beginning is in an archive is still the same log.
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "store/archive/archiver.hpp"
#include "store/segment/segment_log.hpp"
#include "store/verify.hpp"
#include "tests/store/faulty_file_system.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/segments.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen;
using namespace platen::store;
using namespace platen::store::testing;

namespace {

constexpr const char* first_file = "00000000000000000001-00000000000000000010.plseg";
constexpr const char* second_file = "00000000000000000011-00000000000000000020.plseg";

std::unique_ptr<rocksdb_log> open_log(const std::string& path, rocksdb_log_options how = {}) {
  auto log = rocksdb_log::open(path, std::move(how));
  INFO((log ? "" : log.error().message));
  REQUIRE(log);
  return std::move(*log);
}

rocksdb_log_options archived_in(const std::string& directory, rocksdb::Env* env = nullptr) {
  rocksdb_log_options how;
  how.archive = directory;
  how.env = env;
  return how;
}

archive_policy small_segments(std::uint64_t keep = 10) {
  return {keep, 10, "tests"};
}

// Appends `count` events, each to the stream `template/<n % 3>`, and at the very beginning one to
// `template/old`, which then never changes again.
void fill(rocksdb_log& log, std::uint64_t count) {
  if (log.newest().sequence == 0) REQUIRE(append_and_wait(log, request("template/old", 0)));
  for (std::uint64_t i = 1; i < count; ++i) {
    const auto stream = "template/" + std::to_string(i % 3);
    REQUIRE(append_and_wait(log, request(stream, log.stream_version(stream).value())));
  }
}

const std::atomic<bool> go_on = false;

std::uint64_t archive_all(rocksdb_log& log, const archive_policy& how = small_segments()) {
  std::uint64_t sealed = 0;
  while (true) {
    const auto outcome = archive_oldest(log, how, go_on);
    INFO((outcome ? "" : outcome.error().message));
    REQUIRE(outcome);
    if (!*outcome) return sealed;
    ++sealed;
  }
}

void check_verifies(const event_log& log, const std::optional<head>& witness = std::nullopt) {
  const auto report = verify(log, witness);
  INFO((report.ok() ? "" : report.first_bad->message));
  CHECK(report.ok());
  CHECK(report.events == log.newest().sequence);
  CHECK(report.first == (report.events == 0 ? 0 : 1));
}

// The records of the same log without any archiving, for comparison.
std::vector<std::string> first_records(const event_log& log, std::uint64_t count) {
  auto all = records_of(log);
  all.resize(count);
  return all;
}

}  // namespace

TEST_CASE("archived events are read as if they had never left the database") {
  const temporary_directory directory;
  auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  const auto before = records_of(*log);
  const head witness = log->newest();
  CHECK(archive_all(*log) == 2);
  CHECK(log->first_kept() == 21);
  CHECK(std::filesystem::exists(directory / ("archive/" + std::string(first_file))));
  CHECK(std::filesystem::exists(directory / ("archive/" + std::string(second_file))));

  const auto check_all = [&] {
    CHECK(log->newest().sequence == 36);  // with two HistoryArchived
    CHECK(first_records(*log, 34) == before);
    for (const std::uint64_t after : {0U, 1U, 9U, 10U, 11U, 19U, 20U, 21U, 35U}) {
      INFO("after " << after);
      CHECK(all_events(*log, after).size() == 36 - after);
      CHECK(all_events(*log, after).front().sequence == after + 1);
    }
    for (std::uint64_t after = 0; after <= 11; ++after) {
      const auto seen = stream_events(*log, "template/1", after);
      REQUIRE(seen.size() == 11 - after);
      for (std::size_t i = 0; i < seen.size(); ++i)
        CHECK(seen[i].version == after + i + 1);
    }
    CHECK(stream_events(*log, "template/old").size() == 1);
    CHECK(stream_events(*log, "template/old", 1).empty());
    CHECK(stream_events(*log, "template/none").empty());
    int visited = 0;
    REQUIRE(log->read_all(15, [&](const auto&) { return ++visited < 8; }));
    CHECK(visited == 8);
    visited = 0;
    REQUIRE(log->read_stream("template/1", 0, [&](const auto&) { return ++visited < 3; }));
    CHECK(visited == 3);
    check_verifies(*log, witness);
  };
  check_all();

  SECTION("and after it was opened again, where the archive is remembered") {
    log.reset();
    log = open_log(directory / "log");
    CHECK(log->archive_directory() == directory / "archive");
    CHECK(log->first_kept() == 21);
    check_all();
  }
  SECTION("and read only, beside the daemon") {
    rocksdb_log_options how;
    how.mode = open_mode::read_only;
    auto reader = open_log(directory / "log", how);
    check_verifies(*reader, witness);
    CHECK(first_records(*reader, 34) == before);
  }
  SECTION("and moved, together with the archive beside it") {
    log.reset();
    std::filesystem::create_directory(directory / "elsewhere");
    std::filesystem::rename(directory / "log", directory / "elsewhere/log");
    std::filesystem::rename(directory / "archive", directory / "elsewhere/archive");
    log = open_log(directory / "elsewhere/log");
    check_all();
  }
}

TEST_CASE("appends go on from the same versions and hashes after events were dropped") {
  const temporary_directory directory;
  auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 40);
  CHECK(archive_all(*log) == 3);
  CHECK(append_and_wait(*log, request("template/old", 0)).error().what ==
        error::kind::version_conflict);
  REQUIRE(append_and_wait(*log, request("template/old", 1)));
  CHECK(stream_events(*log, "template/old").size() == 2);
  log.reset();
  log = open_log(directory / "log");
  REQUIRE(append_and_wait(*log, request("template/old", 2)));
  REQUIRE(append_and_wait(*log, request("template/1", log->stream_version("template/1").value())));
  check_verifies(*log);
  // What was kept of the stream's index for its sake is gone when its later events are dropped too.
  fill(*log, 60);
  CHECK(archive_all(*log) > 3);
  CHECK(stream_events(*log, "template/old").size() == 3);
  check_verifies(*log);
}

TEST_CASE("what archiving did is an event of the log") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  archive_all(*log);
  const auto facts = stream_events(*log, "system/archive");
  REQUIRE(facts.size() == 2);
  const auto& fact = std::get<events::history_archived>(facts.front().what);
  CHECK(fact.first == 1);
  CHECK(fact.last == 10);
  CHECK(fact.file == first_file);
  CHECK(fact.file_sha256 ==
        events::to_hex(events::sha256_of(read_file(directory / "archive/" + first_file))));
  CHECK(facts.front().why.principal == "platend");
  CHECK(facts.front().why.source == events::origin::system);
}

TEST_CASE("the segments of an archive can be opened by themselves, too") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  const auto before = records_of(*log);
  archive_all(*log);
  const auto archive = segment_log::open(
      {directory / "archive/" + second_file, directory / "archive/" + first_file});
  REQUIRE(archive);
  CHECK(records_of(**archive) == std::vector<std::string>(before.begin(), before.begin() + 20));
}

TEST_CASE("as many events stay as are to be kept, and nothing is archived before it is due") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  CHECK(archive_all(*log, small_segments(30)) == 0);
  CHECK_FALSE(std::filesystem::exists(directory / "archive"));
  CHECK(archive_all(*log, small_segments(24)) == 1);
  CHECK(log->first_kept() == 11);
}

TEST_CASE("reading what is not archived does not need the archive") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  archive_all(*log);
  std::filesystem::remove_all(directory / "archive");
  CHECK(all_events(*log, log->first_kept() - 1).size() == 16);
  CHECK(stream_events(*log, "template/1", 8).front().sequence > 20);
  CHECK(append_and_wait(*log, request("template/old", 1)));
  CHECK(log->check_index());
}

TEST_CASE("a segment that is missing is named with its events; there is never a silent gap") {
  const temporary_directory directory;
  auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  archive_all(*log);
  const auto check_missing = [&](const result<void>& read, const char* file, const char* range) {
    REQUIRE_FALSE(read);
    INFO(read.error().message);
    CHECK(read.error().what == error::kind::io);
    CHECK(read.error().message.find(file) != std::string::npos);
    CHECK(read.error().message.find(range) != std::string::npos);
  };
  const auto all = [](const auto&) { return true; };
  SECTION("the second of two") {
    std::filesystem::remove(directory / "archive/" + second_file);
    check_missing(log->read_all(0, all), second_file, "events 11 to 20");
    check_missing(log->read_all(15, all), second_file, "events 11 to 20");
    check_missing(log->read_stream("template/1", 0, all), second_file, "events 11 to 20");
    const auto report = verify(*log);
    REQUIRE_FALSE(report.ok());
    CHECK(report.first_bad->sequence == 11);
    CHECK(report.events == 10);
  }
  SECTION("the directory") {
    log.reset();
    log = open_log(directory / "log", archived_in(directory / "nowhere"));
    check_missing(log->read_all(0, all), first_file, "events 1 to 10");
    CHECK(log->read_all(20, all));
  }
}

TEST_CASE("a segment that was read before and is gone now is missed all the same") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  archive_all(*log);
  check_verifies(*log);
  std::filesystem::remove(directory / "archive/" + first_file);
  const auto report = verify(*log);
  REQUIRE_FALSE(report.ok());
  CHECK(report.first_bad->message.find(first_file) != std::string::npos);
}

TEST_CASE("a segment that somebody changed or exchanged is found") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  archive_all(*log);
  const auto path = directory / "archive/" + second_file;
  SECTION("a flipped byte") {
    auto bytes = read_file(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 8);
    write_file(path, bytes);
  }
  SECTION("a good segment of another log") {
    auto changed = open_log(directory / "changed");
    REQUIRE(append_and_wait(*changed, request("template/changed", 0, 20)));
    write_segment(*changed, path, 11, 20);
  }
  SECTION("the right events, some withheld") {
    const auto whole = segment_log::open({path});
    REQUIRE(whole);
    write_segment(**whole, path + ".cut", 11, 20,
                  [](const auto& event) { return event.sequence == 15; });
    std::filesystem::rename(path + ".cut", path);
  }
  const auto report = verify(*log);
  REQUIRE_FALSE(report.ok());
  INFO(report.first_bad->message);
  CHECK(report.first_bad->what == error::kind::corrupt);
  CHECK(report.first_bad->sequence >= 11);
  CHECK(report.first_bad->sequence <= 20);
  CHECK(report.first_bad->message.find(second_file) != std::string::npos);
  CHECK(report.events >= 10);
}

TEST_CASE("an archive directory is of one log") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  archive_all(*log);
  const auto other = open_log(directory / "other", archived_in(directory / "archive"));
  REQUIRE(append_and_wait(*other, request("template/other", 0, 40)));
  const auto refused = archive_oldest(*other, small_segments(), go_on);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what == error::kind::invalid);
  CHECK(refused.error().message.find("another log") != std::string::npos);
  CHECK(other->first_kept() == 1);
  check_verifies(*log);
}

TEST_CASE("archiving that was stopped leaves everything as it was, and is done later") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  const std::atomic<bool> stop = true;
  const auto stopped = archive_oldest(*log, small_segments(), stop);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().what == error::kind::closed);
  CHECK(log->first_kept() == 1);
  CHECK(log->newest().sequence == 34);
  CHECK(std::filesystem::is_empty(directory / "archive"));
  CHECK(archive_all(*log) == 2);
  check_verifies(*log);
}

TEST_CASE("the archiver works while events are appended and read") {
  const temporary_directory directory;
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  std::atomic<std::uint64_t> archived_up_to = 0;
  std::promise<void> far_enough;
  std::mutex failures_mutex;
  std::vector<std::string> failures;
  {
    archiver keeper(*log, small_segments(50), [&](const result<segment_info>& outcome) {
      if (!outcome) {
        const std::lock_guard lock(failures_mutex);
        failures.push_back(outcome.error().message);
      } else if (archived_up_to < 300 && outcome->last >= 300) {
        archived_up_to = outcome->last;
        far_enough.set_value();
      }
    });
    std::thread reader([&] {
      while (archived_up_to < 300) {
        const auto seen = verify(*log);
        if (!seen.ok()) {
          const std::lock_guard lock(failures_mutex);
          failures.push_back(seen.first_bad->message);
          return;
        }
      }
    });
    for (std::uint64_t version = 0; version < 400; ++version)
      REQUIRE(append_and_wait(*log, request("template/busy", version)));
    far_enough.get_future().get();
    reader.join();
  }
  CHECK(failures.empty());
  CHECK(log->first_kept() > 300);
  CHECK(stream_events(*log, "template/busy").size() == 400);
  check_verifies(*log);
}

TEST_CASE("an archiver that fails says so, and goes on when the log has grown and it can") {
  const temporary_directory directory;
  write_file(directory / "archive", "a file where the directory should be");
  const auto log = open_log(directory / "log", archived_in(directory / "archive"));
  fill(*log, 34);
  std::promise<error> failed;
  std::promise<void> done;
  std::atomic<int> calls = 0;
  archiver keeper(*log, small_segments(), [&](const result<segment_info>& outcome) {
    const int call = ++calls;
    if (call == 1 && !outcome) failed.set_value(outcome.error());
    if (outcome && outcome->last == 10) done.set_value();
  });
  CHECK(failed.get_future().get().message.find(directory / "archive") != std::string::npos);
  CHECK(log->first_kept() == 1);
  std::filesystem::remove(directory / "archive");
  REQUIRE(append_and_wait(*log, request("template/old", 1)));
  done.get_future().get();
  CHECK(log->first_kept() >= 11);
}

namespace {

struct history {
  head acknowledged;
  std::uint64_t filled_at = 0;  // the file operation after which archiving began
};

// Fills a log and archives of it what is due, until something fails.
history live_and_archive(const temporary_directory& directory, faulty_file_system& files,
                         rocksdb::Env& env) {
  history lived;
  const auto log = rocksdb_log::open(directory / "log", archived_in(directory / "archive", &env));
  if (!log) return lived;
  for (const std::string stream : {"template/0", "template/1"}) {
    if (!append_and_wait(**log, request(stream, 0, 17))) return lived;
    lived.acknowledged = (*log)->newest();
  }
  lived.filled_at = files.operations();
  while (true) {
    const auto outcome = archive_oldest(**log, small_segments(), go_on);
    if (!outcome || !*outcome) return lived;
  }
}

// Nothing acknowledged is lost, and archiving ends as if nothing had happened.
void check_resumed(const temporary_directory& directory, const head& acknowledged) {
  const auto files = std::make_shared<faulty_file_system>();
  const auto env = environment(files);
  const auto log =
      rocksdb_log::open(directory / "log", archived_in(directory / "archive", env.get()));
  if (!log) {
    INFO(log.error().message);
    CHECK(acknowledged.sequence == 0);
    return;
  }
  CHECK((*log)->newest().sequence >= acknowledged.sequence);
  check_verifies(**log, acknowledged.sequence == 0 ? std::nullopt : std::optional(acknowledged));
  if (acknowledged.sequence < 34) return;
  archive_all(**log);
  CHECK((*log)->first_kept() == 21);
  // No segment was announced twice.
  const auto facts = stream_events(**log, "system/archive");
  CHECK(facts.size() == 2);
  CHECK((*log)->newest().sequence == 36);
  check_verifies(**log, acknowledged);
}

void cut_at_every_operation(loss what, std::uint64_t stride) {
  history undisturbed;
  std::uint64_t operations = 0;
  {
    const temporary_directory directory;
    const auto files = std::make_shared<faulty_file_system>();
    const auto env = environment(files);
    undisturbed = live_and_archive(directory, *files, *env);
    operations = files->operations();
  }
  REQUIRE(undisturbed.acknowledged.sequence == 34);
  REQUIRE(operations > undisturbed.filled_at + 20);
  std::mt19937 random(20261122);
  for (std::uint64_t at = undisturbed.filled_at; at <= operations; at += stride) {
    INFO("operation " << at << " of " << operations);
    const temporary_directory directory;
    const auto files = std::make_shared<faulty_file_system>();
    const auto env = environment(files);
    files->crash_at(at);
    const auto lived = live_and_archive(directory, *files, *env);
    files->lose(what, random);
    check_resumed(directory, lived.acknowledged);
  }
}

}  // namespace

TEST_CASE("a power cut at any file operation of archiving loses nothing, and it is resumed") {
  cut_at_every_operation(loss::everything_unsynced, 1);
}

TEST_CASE("a power cut that tears files during archiving loses nothing, and it is resumed") {
  cut_at_every_operation(loss::torn_tails, 3);
}

TEST_CASE("a kill in the middle of archiving loses nothing, and it is resumed") {
  cut_at_every_operation(loss::nothing, 3);
}
