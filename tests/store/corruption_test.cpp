#include <rocksdb/db.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "events/codec.hpp"
#include "store/keys.hpp"
#include "store/rocksdb_log.hpp"
#include "store/verify.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen;
using namespace platen::store;
using namespace platen::store::testing;

namespace {

constexpr std::uint64_t events_written = 30;  // sequences 1 to 30, on three streams

// The database behind a log, for those who tamper with it.
class raw_database {
 public:
  explicit raw_database(const std::string& path) {
    std::vector<std::string> names;
    REQUIRE(rocksdb::DB::ListColumnFamilies({}, path, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const auto& name : names)
      descriptors.emplace_back(name, rocksdb::ColumnFamilyOptions());
    rocksdb::DB* opened = nullptr;
    REQUIRE(rocksdb::DB::Open({}, path, descriptors, &handles_, &opened).ok());
    db_.reset(opened);
  }
  ~raw_database() {
    for (auto* const handle : handles_)
      db_->DestroyColumnFamilyHandle(handle);
  }
  raw_database(const raw_database&) = delete;
  raw_database& operator=(const raw_database&) = delete;

  std::string get(const std::string& family, const std::string& key) {
    std::string value;
    REQUIRE(db_->Get({}, handle(family), key, &value).ok());
    return value;
  }
  void put(const std::string& family, const std::string& key, const std::string& value) {
    REQUIRE(db_->Put({}, handle(family), key, value).ok());
  }
  void remove(const std::string& family, const std::string& key) {
    REQUIRE(db_->Delete({}, handle(family), key).ok());
  }

 private:
  rocksdb::ColumnFamilyHandle* handle(const std::string& family) {
    for (auto* const candidate : handles_)
      if (candidate->GetName() == family) return candidate;
    throw std::logic_error("no column family " + family);
  }

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

// Ten rounds of one event on each of three streams.
void write_log(const std::string& path) {
  auto log = rocksdb_log::open(path);
  REQUIRE(log);
  for (std::uint64_t i = 0; i < events_written; ++i)
    REQUIRE(append_and_wait(**log, request("template/" + std::to_string(i % 3), i / 3)));
}

// A log so long that the damage is outside of what opening looks at.
void write_long_log(const std::string& path) {
  write_log(path);
  auto log = rocksdb_log::open(path);
  REQUIRE(log);
  for (std::uint64_t i = 0; i < 20; ++i)
    REQUIRE(append_and_wait(**log, request("template/long", i * 64, 64)));
}

result<std::unique_ptr<rocksdb_log>> open_to_read(const std::string& path) {
  rocksdb_log_options how;
  how.mode = open_mode::read_only;
  return rocksdb_log::open(path, how);
}

// What opening, or else verify, says is the first bad event.
error first_bad(const std::string& path) {
  const auto log = open_to_read(path);
  if (!log) return log.error();
  const auto report = verify(**log);
  REQUIRE_FALSE(report.ok());
  return *report.first_bad;
}

std::string flipped(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  return bytes;
}

void check_names(const error& found, std::uint64_t sequence) {
  INFO(found.message);
  CHECK(found.what == error::kind::corrupt);
  CHECK(found.sequence == sequence);
}

// The record of `sequence` with another time, and with a hash that is right for it.
std::string forged(raw_database& raw, std::uint64_t sequence) {
  auto event = events::decode(raw.get("events", number_key(sequence))).value();
  event.time_us += 1;
  return events::encode(event);
}

}  // namespace

TEST_CASE("P6: a flipped byte anywhere in a stored record is found, by reading and by verify") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_long_log(path);
  constexpr std::uint64_t victim = 8;  // version 3 of template/1
  const std::string original = raw_database(path).get("events", number_key(victim));
  const std::size_t header = 40;
  const std::size_t event = original.size() - 8;
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{4}, std::size_t{7}, std::size_t{8}, std::size_t{39}, header,
        header + 50, header + 120, event, original.size() - 1}) {
    INFO("byte " << at << " of " << original.size());
    raw_database(path).put("events", number_key(victim), flipped(original, at));
    const auto log = open_to_read(path);
    REQUIRE(log);
    const auto all = (*log)->read_all(0, [](const auto&) { return true; });
    const auto stream = (*log)->read_stream("template/1", 0, [](const auto&) { return true; });
    REQUIRE_FALSE(all);
    REQUIRE_FALSE(stream);
    check_names(all.error(), victim);
    check_names(stream.error(), victim);
    const auto report = verify(**log);
    REQUIRE_FALSE(report.ok());
    check_names(*report.first_bad, victim);
    CHECK(report.events == victim - 1);
    CHECK(report.verified.sequence == victim - 1);
    CHECK((*log)->read_stream("template/0", 0, [](const auto&) { return true; }));
  }
}

TEST_CASE("P6: damage near the end is found at opening, for reading and for writing") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_log(path);
  {
    raw_database raw(path);
    raw.put("events", number_key(29), flipped(raw.get("events", number_key(29)), 60));
  }
  REQUIRE_FALSE(open_to_read(path));
  check_names(open_to_read(path).error(), 29);
  REQUIRE_FALSE(rocksdb_log::open(path));
  check_names(rocksdb_log::open(path).error(), 29);
}

TEST_CASE("P6: a record taken out, put elsewhere or written anew is found") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_long_log(path);
  SECTION("taken out") {
    raw_database(path).remove("events", number_key(5));
    check_names(first_bad(path), 5);
  }
  SECTION("swapped") {
    {
      raw_database raw(path);
      const auto five = raw.get("events", number_key(5));
      raw.put("events", number_key(5), raw.get("events", number_key(6)));
      raw.put("events", number_key(6), five);
    }
    check_names(first_bad(path), 5);
  }
  SECTION("written anew with a hash that is right: its successor tells") {
    {
      raw_database raw(path);
      raw.put("events", number_key(5), forged(raw, 5));
    }
    check_names(first_bad(path), 6);
  }
  SECTION("a key that is no sequence") {
    raw_database(path).put("events", std::string("\0\0\0\0\0\0\0\x05!", 9), "x");
    check_names(first_bad(path), 6);
  }
}

TEST_CASE("P6: an end that was cut off is found with a witness, and never appended to unnoticed") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_log(path);
  const head witness = (*open_to_read(path))->newest();
  {
    raw_database raw(path);
    raw.remove("events", number_key(30));
    CHECK(raw.get("streams", stream_key("template/2", 10)) == number_key(30));
  }
  SECTION("events alone: more were written") {
    REQUIRE_FALSE(rocksdb_log::open(path));
    check_names(rocksdb_log::open(path).error(), 30);
  }
  SECTION("events alone, of a log that does not note how many were written: the index has more") {
    raw_database(path).remove("meta", "newest");
    REQUIRE_FALSE(rocksdb_log::open(path));
    check_names(rocksdb_log::open(path).error(), 30);
  }
  SECTION("events and index: more were written") {
    raw_database(path).remove("streams", stream_key("template/2", 10));
    REQUIRE_FALSE(rocksdb_log::open(path));
    check_names(rocksdb_log::open(path).error(), 30);
  }
  SECTION("events, index and note") {
    {
      raw_database raw(path);
      raw.remove("streams", stream_key("template/2", 10));
      raw.put("meta", "newest", number_key(29));
    }
    const auto log = open_to_read(path);
    REQUIRE(log);
    CHECK(verify(**log).ok());
    const auto report = verify(**log, witness);
    REQUIRE_FALSE(report.ok());
    check_names(*report.first_bad, 30);
  }
  SECTION("the newest event written anew") {
    {
      raw_database raw(path);
      raw.put("events", number_key(29), forged(raw, 29));
      raw.remove("streams", stream_key("template/2", 10));
      raw.put("meta", "newest", number_key(29));
    }
    const auto log = open_to_read(path);
    REQUIRE(log);
    CHECK(verify(**log).ok());
    CHECK_FALSE(verify(**log, witness).ok());
  }
}

TEST_CASE("P6: an index of the streams that disagrees with the newest events is found at opening") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_log(path);
  SECTION("an entry is missing") {
    raw_database(path).remove("streams", stream_key("template/0", 10));
    check_names(open_to_read(path).error(), 28);
  }
  SECTION("an entry leads to another stream's event") {
    raw_database(path).put("streams", stream_key("template/0", 4), number_key(11));
    check_names(open_to_read(path).error(), 10);
  }
}

TEST_CASE("P6: an index of the streams that disagrees with events long ago is found") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_long_log(path);
  SECTION("an entry is missing at the end of a stream") {
    raw_database(path).remove("streams", stream_key("template/0", 10));
    CHECK(first_bad(path).what == error::kind::corrupt);
  }
  SECTION("an entry is missing inside a stream") {
    raw_database(path).remove("streams", stream_key("template/0", 4));
    CHECK(first_bad(path).what == error::kind::corrupt);
    const auto log = open_to_read(path);
    REQUIRE(log);
    const auto read = (*log)->read_stream("template/0", 0, [](const auto&) { return true; });
    REQUIRE_FALSE(read);
    CHECK(read.error().what == error::kind::corrupt);
  }
  SECTION("an entry leads to another stream's event") {
    raw_database(path).put("streams", stream_key("template/0", 4), number_key(11));
    check_names(first_bad(path), 11);
    const auto log = open_to_read(path);
    REQUIRE(log);
    const auto read = (*log)->read_stream("template/0", 0, [](const auto&) { return true; });
    REQUIRE_FALSE(read);
    check_names(read.error(), 11);
  }
  SECTION("an entry is malformed") {
    raw_database(path).put("streams", "nonsense", "x");
    CHECK(first_bad(path).what == error::kind::corrupt);
  }
}

TEST_CASE("P10: a log in another format is refused by name") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_log(path);
  SECTION("newer") {
    raw_database(path).put("meta", "format", "platen-event-log-2");
    const auto refused = rocksdb_log::open(path);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("platen-event-log-2") != std::string::npos);
  }
  SECTION("not marked") {
    raw_database(path).remove("meta", "format");
    CHECK_FALSE(rocksdb_log::open(path));
    CHECK_FALSE(open_to_read(path));
  }
}

TEST_CASE("P6: a flipped byte in any file of the database never gives a wrong event") {
  const temporary_directory directory;
  const std::string path = directory / "log";
  write_log(path);
  const head witness = (*open_to_read(path))->newest();
  const auto expected = all_events(**open_to_read(path));
  std::size_t noticed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() != ".sst") continue;
    const auto size = entry.file_size();
    for (std::uintmax_t at = 7; at < size; at += 1 + size / 12) {
      INFO(entry.path().filename().string() << " byte " << at);
      const std::string copy = directory / "copy";
      std::filesystem::copy(path, copy);
      std::fstream file(copy + "/" + entry.path().filename().string(),
                        std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const char byte = static_cast<char>(file.get() ^ 0x40);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
      file.close();

      const auto log = open_to_read(copy);
      if (!log || !verify(**log, witness).ok())
        ++noticed;
      else
        CHECK(all_events(**log).size() == expected.size());
      std::filesystem::remove_all(copy);
    }
  }
  CHECK(noticed > 10);
}
