// From segments back to a log.
#include <catch2/catch.hpp>
#include <filesystem>

#include "store/rocksdb_log.hpp"
#include "store/segment/restore.hpp"
#include "store/verify.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/segments.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen::store;
using namespace platen::store::testing;

namespace {

std::unique_ptr<rocksdb_log> open_log(const std::string& path) {
  auto log = rocksdb_log::open(path);
  INFO((log ? "" : log.error().message));
  REQUIRE(log);
  return std::move(*log);
}

std::unique_ptr<rocksdb_log> filled_log(const std::string& path) {
  auto log = open_log(path);
  for (std::uint64_t i = 0; i < 30; ++i)
    REQUIRE(append_and_wait(*log, request("template/" + std::to_string(i % 3), i / 3)));
  return log;
}

}  // namespace

TEST_CASE("a log is restored from its segments byte for byte, and goes on from there") {
  const temporary_directory directory;
  auto log = filled_log(directory / "log");
  write_segment(*log, directory / "a.plseg", 1, 12);
  write_segment(*log, directory / "b.plseg", 13, 30);
  const auto restored =
      restore_log({directory / "b.plseg", directory / "a.plseg"}, directory / "copy");
  INFO((restored ? "" : restored.error().message));
  REQUIRE(restored);
  CHECK(restored->sequence == 30);
  CHECK(restored->hash == log->newest().hash);

  const auto copy = open_log(directory / "copy");
  CHECK(records_of(*copy) == records_of(*log));
  CHECK(stream_events(*copy, "template/1").size() == 10);
  // The same append leads to the same hash on both: nothing of the writer's state is missing.
  REQUIRE(append_and_wait(*log, request("template/1", 10)));
  REQUIRE(append_and_wait(*copy, request("template/1", 10)));
  CHECK(copy->newest().hash == log->newest().hash);
  CHECK(verify(*copy).ok());
}

TEST_CASE("what is not a whole log is not restored, and it is said why") {
  const temporary_directory directory;
  const auto log = filled_log(directory / "log");
  const auto refused = [&](const std::vector<std::string>& segments) {
    const auto outcome = restore_log(segments, directory / "copy");
    REQUIRE_FALSE(outcome);
    CHECK_FALSE(std::filesystem::exists(directory / "copy"));
    return outcome.error().message;
  };
  SECTION("not from the first event on") {
    write_segment(*log, directory / "a.plseg", 5, 30);
    CHECK(refused({directory / "a.plseg"}).find("begin with event 5") != std::string::npos);
  }
  SECTION("withheld events") {
    write_segment(*log, directory / "a.plseg", 1, 0,
                  [](const auto& event) { return event.sequence == 7; });
    CHECK(refused({directory / "a.plseg"}).find("withheld") != std::string::npos);
  }
  SECTION("a gap") {
    write_segment(*log, directory / "a.plseg", 1, 4);
    write_segment(*log, directory / "b.plseg", 6, 30);
    CHECK(refused({directory / "a.plseg", directory / "b.plseg"}).find("event 5") !=
          std::string::npos);
  }
  SECTION("damage") {
    write_segment(*log, directory / "a.plseg");
    auto bytes = read_file(directory / "a.plseg");
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    write_file(directory / "a.plseg", bytes);
    CHECK(refused({directory / "a.plseg"}).find("a.plseg") != std::string::npos);
  }
  SECTION("nothing at all") {
    refused({});
  }
}

TEST_CASE("a log that is there is not touched by restoring") {
  const temporary_directory directory;
  auto log = filled_log(directory / "log");
  write_segment(*log, directory / "a.plseg", 1, 10);
  log.reset();
  const auto refused = restore_log({directory / "a.plseg"}, directory / "log");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("exists already") != std::string::npos);
  CHECK(open_log(directory / "log")->newest().sequence == 30);
}
