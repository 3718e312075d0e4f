#include "store/memory_log.hpp"

#include <catch2/catch.hpp>

#include "tests/store/log_suite.hpp"

using namespace platen::store;
using namespace platen::store::testing;

namespace {

event_log::append_callback note(std::vector<std::string>& outcomes) {
  return [&](const result<appended>& outcome) {
    outcomes.push_back(outcome ? std::to_string(outcome->first_sequence)
                       : outcome.error().what == error::kind::io ? "io"
                                                                 : "conflict");
  };
}

}  // namespace

TEST_CASE("memory_log answers before append returns") {
  memory_log log;
  std::vector<std::string> order;
  log.subscribe([&](std::uint64_t) { order.push_back("listener"); });
  log.append(request("a", 0), note(order));
  order.push_back("returned");
  CHECK(order == std::vector<std::string>{"1", "listener", "returned"});
}

TEST_CASE("a memory_log on hold decides nothing until it commits, then all as one group") {
  memory_log log;
  log.hold();
  std::vector<std::string> outcomes;
  std::vector<std::uint64_t> heard;
  log.subscribe([&](std::uint64_t newest) { heard.push_back(newest); });
  log.append(request("a", 0, 2), note(outcomes));
  log.append(request("a", 0), note(outcomes));
  log.append(request("a", 2), note(outcomes));
  CHECK(outcomes.empty());
  CHECK(log.newest().sequence == 0);
  log.commit();
  CHECK(outcomes == std::vector<std::string>{"1", "conflict", "3"});
  CHECK(heard == std::vector<std::uint64_t>{3});
  log.append(request("b", 0), note(outcomes));
  CHECK(outcomes.size() == 3);
  log.release();
  log.append(request("b", 1), note(outcomes));
  CHECK(outcomes.size() == 5);
  CHECK(all_events(log).size() == 5);
}

TEST_CASE("a memory_log that fails keeps what it has and accepts nothing") {
  memory_log log;
  std::vector<std::string> outcomes;
  log.append(request("a", 0), note(outcomes));
  log.hold();
  log.append(request("a", 1), note(outcomes));
  log.fail("the disk is gone");
  log.append(request("a", 1), note(outcomes));
  CHECK(outcomes == std::vector<std::string>{"1", "io", "io"});
  CHECK(all_events(log).size() == 1);
}
