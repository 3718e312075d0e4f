// Directories that are no event log, or not all of one: refused with a message that says so, and
// left as they are.
#include <rocksdb/db.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "store/rocksdb_log.hpp"
#include "store/verify.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen::store;
using namespace platen::store::testing;

namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

std::map<std::string, std::string> files_in(const std::string& directory) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) all[entry.path().string()] = content_of(entry.path());
  return all;
}

void check_refused_unchanged(const std::string& path, const std::string& named) {
  const auto before = files_in(path);
  for (const auto mode : {open_mode::create, open_mode::read_only}) {
    rocksdb_log_options how;
    how.mode = mode;
    const auto refused = rocksdb_log::open(path, how);
    REQUIRE_FALSE(refused);
    INFO(refused.error().message);
    CHECK(refused.error().what == error::kind::corrupt);
    CHECK(refused.error().message.find(path) != std::string::npos);
    CHECK(refused.error().message.find(named) != std::string::npos);
  }
  CHECK(files_in(path) == before);
}

// Somebody else's database, with something in it.
void make_database(const std::string& path, const std::string& family) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::Open(options, path, &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  REQUIRE(db->Put({}, "key", "value").ok());
  if (family.empty()) return;
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  REQUIRE(db->CreateColumnFamily({}, family, &handle).ok());
  REQUIRE(db->DestroyColumnFamilyHandle(handle).ok());
}

void write_log(const std::string& path) {
  const auto log = rocksdb_log::open(path);
  REQUIRE(log);
  for (std::uint64_t i = 0; i < 20; ++i)
    REQUIRE(append_and_wait(**log, request("template/" + std::to_string(i % 3), i / 3)));
}

}  // namespace

TEST_CASE("a directory with other files in it is refused, and nothing is added to it") {
  const temporary_directory directory;
  const std::string path = directory / "home";
  fs::create_directory(path);
  std::ofstream(path + "/letters.txt") << "dear reader";
  check_refused_unchanged(path, "letters.txt");
}

TEST_CASE("another program's database is refused, and nothing is added to it") {
  const temporary_directory directory;
  const std::string path = directory / "other";
  SECTION("with families of its own") {
    make_database(path, "accounts");
    check_refused_unchanged(path, "accounts");
  }
  SECTION("with RocksDB's own family only") {
    make_database(path, "");
    check_refused_unchanged(path, "somebody else's");
  }
}

TEST_CASE("a file in the place of a log is refused, and stays") {
  const temporary_directory directory;
  const std::string path = directory / "file";
  std::ofstream(path) << "not a directory";
  const auto refused = rocksdb_log::open(path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find(path) != std::string::npos);
  CHECK(content_of(path) == "not a directory");
}

TEST_CASE("P6: a copy of which a part is missing is refused or found short, never read wrongly") {
  const temporary_directory directory;
  write_log(directory / "log");
  const auto whole = rocksdb_log::open(directory / "log", {});
  REQUIRE(whole);
  const head witness = (*whole)->newest();
  std::size_t refused = 0;
  for (const auto& entry : fs::directory_iterator(directory / "log")) {
    const auto name = entry.path().filename().string();
    // These have nothing of the log in them; RocksDB writes them anew.
    if (name == "LOCK" || name == "IDENTITY" || name.starts_with("LOG") ||
        name.starts_with("OPTIONS-"))
      continue;
    for (const bool removed : {false, true}) {
      INFO(name << (removed ? " is missing" : " is cut in half"));
      const std::string copy = directory / "copy";
      fs::remove_all(copy);
      fs::copy(directory / "log", copy);
      if (removed)
        fs::remove(fs::path(copy) / name);
      else
        fs::resize_file(fs::path(copy) / name, entry.file_size() / 2);
      const auto log = rocksdb_log::open(copy);
      if (!log) {
        CHECK_FALSE(log.error().message.empty());
        ++refused;
        continue;
      }
      const auto events = all_events(**log);
      CHECK(verify(**log, witness).ok() == (events.size() == witness.sequence));
    }
  }
  CHECK(refused >= 4);
}

TEST_CASE("times that run backwards are kept as they were given, and break nothing") {
  const temporary_directory directory;
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto log = rocksdb_log::open(directory / "log");
    REQUIRE(log);
    auto earlier = request("template/a", static_cast<std::uint64_t>(i));
    earlier.time_us = 1'700'000'000'000'000 - i * 3'600'000'000;
    REQUIRE(append_and_wait(**log, earlier));
    const auto events = all_events(**log);
    CHECK(events.back().time_us == earlier.time_us);
    CHECK(verify(**log).ok());
  }
}
