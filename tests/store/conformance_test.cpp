#include <catch2/catch.hpp>

#include "store/memory_log.hpp"
#include "store/rocksdb_log.hpp"
#include "tests/store/log_suite.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen::store;

TEST_CASE("P2: memory_log keeps the promises of event_log") {
  testing::check_conformance([] { return std::make_unique<memory_log>(); });
}

TEST_CASE("P2: rocksdb_log keeps the promises of event_log") {
  const testing::temporary_directory directory;
  testing::check_conformance([&] {
    auto log = rocksdb_log::open(directory / "log");
    REQUIRE(log);
    return std::move(*log);
  });
}
