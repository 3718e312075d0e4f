// Damage to the write-ahead log of a log that was not closed: it is refused, or it looks like a
// write that the machine never finished. It never gives a wrong event.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "store/rocksdb_log.hpp"
#include "store/verify.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen;
using namespace platen::store;
using namespace platen::store::testing;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t appends = 30;

// A log as a killed process leaves it: everything is in the write-ahead log.
class crashed_log {
 public:
  crashed_log() {
    const auto log = rocksdb_log::open(directory_ / "live");
    REQUIRE(log);
    for (std::uint64_t i = 0; i < appends; ++i)
      REQUIRE(append_and_wait(**log, request("template/" + std::to_string(i % 3), i / 3)));
    witness_ = (*log)->newest();
    events_ = all_events(**log);
    fs::copy(directory_ / "live", directory_ / "crashed");
    for (const auto& entry : fs::directory_iterator(directory_ / "crashed"))
      if (entry.path().extension() == ".log" && entry.file_size() > 0)
        file_ = entry.path().filename();
    REQUIRE_FALSE(file_.empty());
  }

  std::uintmax_t size() const { return fs::file_size(fs::path(directory_ / "crashed") / file_); }
  const head& witness() const { return witness_; }
  const std::vector<events::envelope>& events() const { return events_; }

  // A copy to be opened, with one byte of its write-ahead log flipped, or cut off behind `at`.
  std::string damaged(std::uintmax_t at, char flip) const {
    const auto copy = fresh_copy();
    std::fstream file(fs::path(copy) / file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ flip);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
    return copy;
  }
  std::string cut(std::uintmax_t at) const {
    const auto copy = fresh_copy();
    fs::resize_file(fs::path(copy) / file_, at);
    return copy;
  }

 private:
  std::string fresh_copy() const {
    const std::string copy = directory_ / "copy";
    fs::remove_all(copy);
    fs::copy(directory_ / "crashed", copy);
    return copy;
  }

  temporary_directory directory_;
  fs::path file_;
  head witness_;
  std::vector<events::envelope> events_;
};

struct tally {
  std::size_t refused = 0;
  std::size_t shorter = 0;
  std::size_t whole = 0;
  std::size_t longest_loss = 0;  // events
};

void check_opening(const std::string& path, const crashed_log& original, tally& seen) {
  const auto log = rocksdb_log::open(path);
  if (!log) {
    CHECK(log.error().what == error::kind::corrupt);
    ++seen.refused;
    return;
  }
  const auto found = all_events(**log);
  REQUIRE(found.size() <= original.events().size());
  bool same = true;
  for (std::size_t i = 0; i < found.size(); ++i)
    same = same && found[i].hash == original.events()[i].hash &&
           found[i].what == original.events()[i].what;
  CHECK(same);
  CHECK(verify(**log).ok());
  const auto lost = original.events().size() - found.size();
  CHECK(verify(**log, original.witness()).ok() == (lost == 0));
  seen.longest_loss = std::max(seen.longest_loss, lost);
  ++(lost == 0 ? seen.whole : seen.shorter);
}

tally flip_every(std::uintmax_t stride, const crashed_log& original) {
  tally seen;
  for (std::uintmax_t at = 0; at < original.size(); at += stride) {
    INFO("byte " << at << " of " << original.size());
    check_opening(original.damaged(at, static_cast<char>(1U << (at % 8))), original, seen);
  }
  return seen;
}

}  // namespace

TEST_CASE("the write-ahead log of a log that was not closed gives all that was acknowledged") {
  const crashed_log original;
  tally seen;
  check_opening(original.cut(original.size()), original, seen);
  CHECK(seen.whole == 1);
}

TEST_CASE(
    "P6: a flipped byte in the write-ahead log is refused, or a witness shows what is missing") {
  const crashed_log original;
  const auto seen = flip_every(59, original);
  CHECK(seen.refused > seen.shorter);
  CHECK(seen.refused + seen.shorter + seen.whole > 100);
}

TEST_CASE("P6: no flipped byte of the write-ahead log gives a wrong event", "[.exhaustive]") {
  const crashed_log original;
  const auto seen = flip_every(1, original);
  WARN(original.size() << " bytes flipped: " << seen.refused << " refused, " << seen.shorter
                       << " shorter by up to " << seen.longest_loss << " events, " << seen.whole
                       << " whole");
  CHECK(seen.refused > seen.shorter);
}

TEST_CASE(
    "P1: a write-ahead log that was cut off anywhere gives whole appends from the beginning") {
  const crashed_log original;
  tally seen;
  for (std::uintmax_t at = 0; at < original.size(); at += 151) {
    INFO("cut at " << at << " of " << original.size());
    check_opening(original.cut(at), original, seen);
  }
  CHECK(seen.shorter > 20);
}
