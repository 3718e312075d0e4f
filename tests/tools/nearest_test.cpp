#include "tools/common/nearest.hpp"

#include <catch2/catch.hpp>

using platen::tools::nearest;

TEST_CASE("the nearest known word is the one with the fewest edits") {
  CHECK(nearest("lisen", {"data", "listen", "log_level"}) == "listen");
  CHECK(nearest("log-level", {"data", "listen", "log_level"}) == "log_level");
}

TEST_CASE("a word that resembles none has no nearest") {
  CHECK(nearest("bandwidth", {"data", "listen"}) == std::nullopt);
  CHECK(nearest("x", {}) == std::nullopt);
}
