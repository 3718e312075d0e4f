// A disk that fails while events are written: what was acknowledged stays, nothing is acknowledged
// afterwards, and what the next open finds has no gap.
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

constexpr std::size_t rounds = 12;
constexpr std::size_t requests_a_round = 5;  // given at once, so that they gather into groups
constexpr std::size_t events_a_request = 2;

// The n-th request of a life, on a stream of its own.
append_request planned(std::size_t n) {
  return request("template/" + std::to_string(n), 0, events_a_request);
}

struct life {
  std::size_t asked = 0;
  std::size_t acknowledged = 0;        // the first ones that were asked for
  bool acknowledged_too_late = false;  // one after a refusal
  int failures = 0;                    // calls of the failure callback
  bool append_failed = false;
  head last;
};

// Whether every request of one round was acknowledged.
bool append_round(rocksdb_log& log, life& lived) {
  std::atomic<std::size_t> answers = 0;
  std::promise<void> all_answered;
  std::size_t good = 0;
  for (std::size_t i = 0; i < requests_a_round; ++i)
    log.append(planned(lived.asked++), [&](const result<appended>& outcome) {
      if (outcome) {
        lived.acknowledged_too_late |= lived.append_failed;
        ++good;
      } else {
        lived.append_failed = true;
      }
      if (++answers == requests_a_round) all_answered.set_value();
    });
  all_answered.get_future().get();
  lived.acknowledged += good;
  return good == requests_a_round;
}

life live(const std::string& path, rocksdb::Env& env) {
  life lived;
  rocksdb_log_options how;
  how.env = &env;
  how.failure = [&](const error& why) {
    CHECK(why.what == error::kind::io);
    ++lived.failures;
  };
  const auto log = rocksdb_log::open(path, how);
  if (!log) return lived;
  for (std::size_t round = 0; round < rounds; ++round) {
    if (!append_round(**log, lived)) break;
    lived.last = (*log)->newest();
  }
  // The disk may have healed meanwhile; nobody can know what it holds, so nothing is accepted.
  if (lived.append_failed)
    for (int i = 0; i < 3; ++i) {
      const auto later = append_and_wait(**log, planned(lived.asked++));
      CHECK_FALSE(later);
      if (!later) CHECK(later.error().what == error::kind::io);
    }
  (*log)->close();
  return lived;
}

void check_found(const std::string& path, const life& lived) {
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
  const auto report =
      verify(**log, lived.last.sequence > 0 ? std::optional(lived.last) : std::nullopt);
  INFO((report.ok() ? "" : report.first_bad->message));
  CHECK(report.ok());
  const auto found = all_events(**log);
  // Whole requests in the order in which they were asked for: those that were acknowledged, and
  // perhaps the group that was being written.
  REQUIRE(found.size() % events_a_request == 0);
  CHECK(found.size() >= lived.acknowledged * events_a_request);
  CHECK(found.size() <= (lived.acknowledged + requests_a_round) * events_a_request);
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i].stream == planned(i / events_a_request).stream);
}

void check_one(std::uint64_t number, disk_fault how, loss what) {
  INFO((how.on == disk_fault::operation::write ? "write " : "sync ")
       << number << (how.why == disk_fault::reason::no_space ? ", no space" : ", I/O error")
       << (how.lasting == disk_fault::duration::once ? ", once" : ", for good"));
  const temporary_directory directory;
  const auto files = std::make_shared<faulty_file_system>();
  const auto env = environment(files);
  files->fail_at(number, how);
  const auto lived = live(directory / "log", *env);
  CHECK_FALSE(lived.acknowledged_too_late);
  CHECK(lived.failures == (lived.append_failed ? 1 : 0));
  std::mt19937 random(static_cast<unsigned>(number));
  files->lose(what, random);
  check_found(directory / "log", lived);
}

// Every `stride`-th write and sync of an undisturbed life.
void check_faults(std::uint64_t stride, loss what) {
  const temporary_directory directory;
  const auto files = std::make_shared<faulty_file_system>();
  const auto env = environment(files);
  REQUIRE(live(directory / "log", *env).acknowledged == rounds * requests_a_round);
  const std::array numbers{files->writes(), files->syncs()};
  REQUIRE(numbers[0] > rounds);
  REQUIRE(numbers[1] > rounds);
  using operation = disk_fault::operation;
  for (const auto on : {operation::write, operation::sync})
    for (const auto why : {disk_fault::reason::io_error, disk_fault::reason::no_space})
      for (const auto lasting : {disk_fault::duration::once, disk_fault::duration::for_good})
        for (std::uint64_t n = 1; n <= numbers[on == operation::write ? 0 : 1]; n += stride)
          check_one(n, {on, why, lasting}, what);
}

}  // namespace

TEST_CASE("P9: a write or sync that fails, once or for good, is the last that is tried") {
  check_faults(3, loss::nothing);
}

TEST_CASE(
    "P1 P9: a disk that fails and then loses what was not synced keeps what was acknowledged") {
  check_faults(7, loss::everything_unsynced);
  check_faults(7, loss::torn_tails);
}

// Every write and every sync, with each kind of loss.
TEST_CASE("P1 P9: no failing write or sync at all loses what was acknowledged", "[.exhaustive]") {
  for (const auto what : {loss::nothing, loss::everything_unsynced, loss::torn_tails})
    check_faults(1, what);
}
