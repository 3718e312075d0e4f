#include <catch2/catch.hpp>

#include "events/hash.hpp"
#include "store/rocksdb_log.hpp"
#include "tests/store/temporary_directory.hpp"

using namespace platen;
using namespace platen::store;
using platen::store::testing::temporary_directory;

namespace {

state_mark mark_at(std::uint64_t sequence) {
  return {{sequence, events::sha256_of("head")}, "format-1", "digest", 2};
}

std::map<std::string, std::string> all_of(const state_cache& cache) {
  std::map<std::string, std::string> found;
  REQUIRE(cache.visit_all([&](const std::string& stream, std::string_view state) {
    found[stream] = state;
    return true;
  }));
  return found;
}

void behaves(state_cache& cache) {
  CHECK(cache.mark().value() == std::nullopt);
  CHECK(all_of(cache).empty());

  const std::string bytes("\0\xff state", 8);
  REQUIRE(cache.write(mark_at(3), {{"instance/a", bytes}, {"template/b", ""}}));
  CHECK(cache.mark().value() == mark_at(3));
  CHECK(cache.find("instance/a").value() == bytes);
  CHECK(cache.find("instance/none").value() == std::nullopt);
  CHECK(all_of(cache) ==
        std::map<std::string, std::string>{{"instance/a", bytes}, {"template/b", ""}});

  REQUIRE(cache.write(mark_at(4), {{"instance/a", std::nullopt}}));
  CHECK(cache.mark().value() == mark_at(4));
  CHECK(all_of(cache) == std::map<std::string, std::string>{{"template/b", ""}});

  REQUIRE(cache.clear());
  CHECK(cache.mark().value() == std::nullopt);
  CHECK(all_of(cache).empty());
}

}  // namespace

TEST_CASE("a state cache in memory keeps what was written last") {
  memory_state_cache cache;
  behaves(cache);
}

TEST_CASE("a state cache on disk keeps what was written last, and over a restart") {
  const temporary_directory here;
  const auto path = here / "log";
  {
    auto log = rocksdb_log::open(path).value();
    behaves(log->states());
    auto without_digest = mark_at(9);
    without_digest.digest.clear();
    REQUIRE(log->states().write(without_digest, {{"template/b", "state"}}));
  }
  auto log = rocksdb_log::open(path).value();
  CHECK(log->states().mark().value()->at.sequence == 9);
  CHECK(log->states().mark().value()->digest.empty());
  CHECK(log->states().find("template/b").value() == "state");
}
