// Segment files: what is written comes back, and nothing else ever does.
#include <zstd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "events/codec.hpp"
#include "events/hash.hpp"
#include "store/memory_log.hpp"
#include "store/segment/layout.hpp"
#include "store/segment/segment_log.hpp"
#include "store/verify.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/segments.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen;
using namespace platen::store;
using namespace platen::store::testing;

namespace {

// Six events on two streams, the same ones in every run.
void fill_small(memory_log& log) {
  for (std::uint64_t i = 0; i < 6; ++i)
    REQUIRE(append_and_wait(log, request("template/" + std::to_string(i % 2), i / 2)));
}

// Events of 300 KiB that cannot be compressed, so that they need several blocks.
void fill_large(memory_log& log, std::uint64_t events) {
  std::mt19937 random(20261122);
  for (std::uint64_t i = 0; i < events; ++i) {
    auto large = request("instance/large", i);
    std::string bytes(300 << 10U, '\0');
    for (auto& byte : bytes)
      byte = static_cast<char>(random());
    large.what = {events::unknown_event{"Large", bytes}};
    REQUIRE(append_and_wait(log, large));
  }
}

std::unique_ptr<segment_log> open_segments(const std::vector<std::string>& paths) {
  auto log = segment_log::open(paths);
  INFO((log ? "" : log.error().message));
  REQUIRE(log);
  return std::move(*log);
}

bool is_of_stream_0(const events::envelope& event) {
  return event.stream == "template/0";
}

// What opening says about bytes that are not a good segment.
error refusal(const temporary_directory& directory, const std::string& bytes) {
  const auto path = directory / "bad.plseg";
  write_file(path, bytes);
  const auto checked = verify_segment(path);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().message.find(path) != std::string::npos);
  return checked.error();
}

// A file that somebody made with care: its digest is right, whatever it says.
std::string with_right_digest(const std::string& content) {
  return content + std::string(events::as_bytes(events::sha256_of(content)));
}

struct forgery {
  segment::header header;
  segment::block_head block;
  std::string raw;
  segment::footer footer;
};

// The small log's segment in parts that can be changed.
forgery parts_of_small() {
  memory_log log;
  fill_small(log);
  forgery parts;
  for (const auto& record : records_of(log))
    segment::append_record(parts.raw, record);
  parts.block = {0, static_cast<std::uint32_t>(parts.raw.size()), 1, 6};
  parts.footer = {6, log.newest().hash, 0, 0};
  return parts;
}

std::string bytes_of(forgery parts) {
  std::string compressed(ZSTD_compressBound(parts.raw.size()), '\0');
  compressed.resize(
      ZSTD_compress(compressed.data(), compressed.size(), parts.raw.data(), parts.raw.size(), 1));
  if (parts.block.compressed == 0)
    parts.block.compressed = static_cast<std::uint32_t>(compressed.size());
  const auto front = segment::encode(parts.header) + segment::encode(parts.block) + compressed;
  parts.footer.file_bytes = front.size() + segment::footer_size;
  return with_right_digest(front + segment::encode(parts.footer));
}

}  // namespace

TEST_CASE("a segment gives back exactly the records that were written into it") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  const auto written = write_segment(log, directory / "a.plseg");
  CHECK(written.first == 1);
  CHECK(written.last == 6);
  CHECK(written.events() == 6);
  CHECK(written.complete());
  CHECK(written.file_bytes == std::filesystem::file_size(directory / "a.plseg"));
  CHECK(written.file_sha256 == events::sha256_of(read_file(directory / "a.plseg")));

  const auto read = open_segments({directory / "a.plseg"});
  CHECK(records_of(*read) == records_of(log));
  CHECK(read->newest().hash == log.newest().hash);
  CHECK(read->is_whole());
  const auto report = verify(*read, log.newest());
  CHECK(report.ok());
  CHECK(report.events == 6);
  CHECK(report.streams == 2);
  CHECK(report.withheld == 0);
  CHECK(report.first == 1);

  const auto info = verify_segment(directory / "a.plseg");
  REQUIRE(info);
  CHECK(info->file_sha256 == written.file_sha256);
  CHECK(info->made_us == 1'763'791'200'000'000);
  CHECK(info->made_by == "tests");
}

TEST_CASE("a segment is read from any place, across its blocks, and stops on demand") {
  const temporary_directory directory;
  memory_log log;
  fill_large(log, 12);
  write_segment(log, directory / "a.plseg");
  const auto read = open_segments({directory / "a.plseg"});
  const auto all = records_of(log);
  for (std::uint64_t after = 0; after <= 12; ++after) {
    INFO("after " << after);
    CHECK(records_of(*read, after) ==
          std::vector<std::string>(all.begin() + static_cast<std::ptrdiff_t>(after), all.end()));
  }
  CHECK(records_of(*read, ~std::uint64_t{0}).empty());
  std::uint64_t visited = 0;
  REQUIRE(read->read_all(5, [&](const auto&) { return ++visited < 2; }));
  CHECK(visited == 2);
  CHECK(stream_events(*read, "instance/large", 9).size() == 3);
  CHECK(stream_events(*read, "instance/none").empty());
}

TEST_CASE("a segment is read only") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  write_segment(log, directory / "a.plseg");
  const auto read = open_segments({directory / "a.plseg"});
  CHECK(append_and_wait(*read, request("template/0", 3)).error().what == error::kind::closed);
}

TEST_CASE("a writer that is not sealed leaves nothing behind, one that is replaces the file") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  {
    auto writer = segment_writer::create(directory / "a.plseg", {});
    REQUIRE(writer);
    const auto records = records_of(log);
    REQUIRE(writer->add(events::decode(records[0]).value(), records[0]));
    const auto gap = writer->add(events::decode(records[2]).value(), records[2]);
    REQUIRE_FALSE(gap);
    CHECK(gap.error().what == error::kind::invalid);
    CHECK(gap.error().sequence == 3);
  }
  CHECK_FALSE(std::filesystem::exists(directory / "a.plseg"));
  CHECK_FALSE(std::filesystem::exists(directory / "a.plseg.tmp"));
  write_file(directory / "a.plseg", "something else");
  write_segment(log, directory / "a.plseg");
  CHECK(verify_segment(directory / "a.plseg"));
  CHECK_FALSE(segment_writer::create(directory / "no/such/a.plseg", {}));
}

TEST_CASE("segments that were written by earlier versions are read for ever") {
  const std::string golden = STORE_GOLDEN;
  memory_log log;
  fill_small(log);
  const auto whole = open_segments({golden + "/v1.plseg"});
  // Today's records are of a newer schema; what they say is the same.
  CHECK(records_of(*whole).size() == records_of(log).size());
  CHECK(verify(*whole).ok());
  CHECK(events::to_hex(whole->newest().hash) ==
        "af77381061bf21248a939bb35dfdb4510959ffa381d8c9f8c3ecd50f19a643a1");

  const auto redacted = open_segments({golden + "/v1-redacted.plseg"});
  const auto report = verify(*redacted, whole->newest());
  CHECK(report.ok());
  CHECK(report.withheld == 3);
}

// Run by hand when there is a new format: store_tests "[.write_golden]".
TEST_CASE("write the golden segments", "[.write_golden]") {
  const std::string golden = STORE_GOLDEN;
  memory_log log;
  fill_small(log);
  write_segment(log, golden + "/v1.plseg");
  write_segment(log, golden + "/v1-redacted.plseg", 1, 0, is_of_stream_0);
}

TEST_CASE("a segment that was cut off anywhere, or has something added, is refused") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  write_segment(log, directory / "a.plseg");
  const auto bytes = read_file(directory / "a.plseg");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    INFO("cut to " << size << " of " << bytes.size());
    refusal(directory, bytes.substr(0, size));
  }
  CHECK(refusal(directory, bytes.substr(0, bytes.size() - 1)).what == error::kind::corrupt);
  CHECK(refusal(directory, bytes + '\0').what == error::kind::corrupt);
  CHECK(refusal(directory, bytes + bytes).what == error::kind::corrupt);
}

TEST_CASE("a flipped byte anywhere in a segment is found") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  write_segment(log, directory / "a.plseg", 1, 0, is_of_stream_0);
  const auto bytes = read_file(directory / "a.plseg");
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const char flip : {'\x01', '\x80'}) {
      INFO("byte " << at << " of " << bytes.size());
      auto flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ flip);
      refusal(directory, flipped);
    }
}

TEST_CASE("damage is named by the file, the byte and the event it is in") {
  const temporary_directory directory;
  memory_log log;
  fill_large(log, 12);
  write_segment(log, directory / "a.plseg");
  auto bytes = read_file(directory / "a.plseg");
  // The blocks have four events each; this is in the second one.
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  const auto found = refusal(directory, bytes);
  INFO(found.message);
  CHECK(found.what == error::kind::corrupt);
  CHECK(found.sequence == 5);
  CHECK(found.message.find("at byte ") != std::string::npos);
  CHECK(found.message.find("event 5") != std::string::npos);
  CHECK(found.message.find("another copy") != std::string::npos);
}

TEST_CASE("a file that is no segment, or of another format, is refused by name") {
  const temporary_directory directory;
  CHECK(refusal(directory, "").what == error::kind::invalid);
  CHECK(refusal(directory, std::string(1000, 'x')).message.find("not a log segment") !=
        std::string::npos);
  auto newer = bytes_of(parts_of_small());
  newer[6] = '2';
  CHECK(refusal(directory, newer).message.find("another format") != std::string::npos);
  const auto missing = segment_reader::open(directory / "none.plseg");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what == error::kind::io);
  CHECK(missing.error().message.find("none.plseg") != std::string::npos);
}

TEST_CASE("a segment that was made with evil care is refused without using much memory") {
  const temporary_directory directory;
  auto parts = parts_of_small();
  write_file(directory / "good.plseg", bytes_of(parts));
  REQUIRE(verify_segment(directory / "good.plseg"));
  SECTION("a block that says it expands to 4 GiB") {
    parts.block.raw = ~std::uint32_t{0};
  }
  SECTION("a block that says it is longer than the file") {
    parts.block.compressed = 1U << 20U;
  }
  SECTION("a block that expands to more than it says") {
    parts.block.raw = 100;
  }
  SECTION("a record that is longer than its block") {
    parts.raw[3] = '\x7f';
  }
  SECTION("more records than there are") {
    parts.block.records = parts.footer.last = 7;
  }
  SECTION("fewer records than there are") {
    parts.block.records = 5;
    parts.footer.last = 5;
  }
  SECTION("4 thousand million records") {
    parts.block.records = ~std::uint32_t{0};
  }
  SECTION("sequences at the end of the numbers") {
    parts.header.first = parts.block.first = ~std::uint64_t{0};
    parts.footer.last = 4;
  }
  SECTION("another last event than the footer's") {
    parts.footer.last = 9;
  }
  SECTION("another hash than the footer's") {
    parts.footer.hash[7] ^= 1U;
  }
  SECTION("another predecessor than the header's") {
    parts.header.hash_before[0] = 1;
  }
  SECTION("an event that was changed and hashed anew: its successor tells") {
    auto record = std::string_view(parts.raw);
    auto event = events::decode(segment::take_record(record).value()).value();
    event.time_us += 1;
    const auto forged = events::encode(event);
    parts.raw.replace(4, forged.size(), forged);
  }
  refusal(directory, bytes_of(parts));
}

TEST_CASE("an event cut out of a segment that says it is complete is noticed") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  write_segment(log, directory / "a.plseg", 1, 0, is_of_stream_0);
  auto bytes = read_file(directory / "a.plseg");
  bytes.resize(bytes.size() - segment::footer_digest_size);
  const std::size_t withheld_at = bytes.size() - 16;
  REQUIRE(bytes[withheld_at] == 3);
  bytes[withheld_at] = 0;
  CHECK(refusal(directory, with_right_digest(bytes)).message.find("only the header is there") !=
        std::string::npos);
}

TEST_CASE("a chain with withheld events verifies, and says how many there are") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  const auto written = write_segment(log, directory / "a.plseg", 1, 0, is_of_stream_0);
  CHECK(written.withheld == 3);
  CHECK_FALSE(written.complete());

  const auto read = open_segments({directory / "a.plseg"});
  CHECK_FALSE(read->is_whole());
  const auto report = verify(*read, log.newest());
  CHECK(report.ok());
  CHECK(report.events == 6);
  CHECK(report.withheld == 3);
  const auto originals = all_events(log);
  const auto seen = all_events(*read);
  const auto records = records_of(*read);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].hash == originals[i].hash);
    CHECK(seen[i].why == originals[i].why);
    CHECK(events::is_withheld(records[i]) == (seen[i].stream == "template/0"));
    if (seen[i].stream == "template/0")
      CHECK(seen[i].what == events::event(events::unknown_event{"PreparationStarted", ""}));
    else
      CHECK(seen[i].what == originals[i].what);
  }
  // What is withheld stays so when it is passed on.
  CHECK(write_segment(*read, directory / "b.plseg").withheld == 3);
}

TEST_CASE("an event without content is not taken for one that is withheld") {
  const temporary_directory directory;
  memory_log log;
  auto empty = request("template/a", 0);
  empty.what = {events::unknown_event{"Empty", ""}};
  REQUIRE(append_and_wait(log, empty));
  CHECK(write_segment(log, directory / "a.plseg").complete());
  CHECK(verify(*open_segments({directory / "a.plseg"})).withheld == 0);
}

TEST_CASE("segments that continue each other are one log, in whatever order they are named") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  write_segment(log, directory / "a.plseg", 1, 2);
  write_segment(log, directory / "b.plseg", 3, 3);
  write_segment(log, directory / "c.plseg", 4, 6);
  const auto whole =
      open_segments({directory / "c.plseg", directory / "a.plseg", directory / "b.plseg"});
  CHECK(records_of(*whole) == records_of(log));
  for (std::uint64_t after = 0; after <= 6; ++after)
    CHECK(records_of(*whole, after) == records_of(log, after));
  CHECK(verify(*whole, log.newest()).ok());

  // The middle of a log is one that begins late.
  const auto end = open_segments({directory / "c.plseg", directory / "b.plseg"});
  CHECK(end->first() == 3);
  CHECK_FALSE(end->is_whole());
  CHECK(records_of(*end) == records_of(log, 2));
  const auto report = verify(*end, log.newest());
  CHECK(report.ok());
  CHECK(report.first == 3);
  CHECK(report.events == 4);
}

TEST_CASE(
    "segments that do not continue each other are refused, and it is said which are missing") {
  const temporary_directory directory;
  memory_log log;
  fill_small(log);
  write_segment(log, directory / "a.plseg", 1, 2);
  write_segment(log, directory / "b.plseg", 5, 6);
  const auto gap = segment_log::open({directory / "a.plseg", directory / "b.plseg"});
  REQUIRE_FALSE(gap);
  CHECK(gap.error().what == error::kind::invalid);
  CHECK(gap.error().message.find("events 3 to 4") != std::string::npos);
  CHECK(gap.error().message.find("a.plseg") != std::string::npos);

  write_segment(log, directory / "c.plseg", 2, 4);
  const auto twice = segment_log::open({directory / "a.plseg", directory / "c.plseg"});
  REQUIRE_FALSE(twice);
  CHECK(twice.error().message.find("both have event 2") != std::string::npos);

  memory_log other;
  REQUIRE(append_and_wait(other, request("template/other", 0, 4)));
  write_segment(other, directory / "d.plseg", 3, 4);
  const auto mixed = segment_log::open({directory / "a.plseg", directory / "d.plseg"});
  REQUIRE_FALSE(mixed);
  CHECK(mixed.error().message.find("different logs") != std::string::npos);
  CHECK_FALSE(segment_log::open({}));
}
