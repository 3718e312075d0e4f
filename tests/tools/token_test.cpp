#include "tools/platend/token.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/temporary_directory.hpp"

namespace {

using namespace platen::platend;
using platen::tests::temporary_directory;
namespace fs = std::filesystem;

}  // namespace

TEST_CASE("the first start makes a token of 64 hex digits that only its user can read") {
  const temporary_directory directory;
  const auto made = read_or_make_token(directory.path() / "token");
  REQUIRE(made.has_value());
  CHECK(made->made);
  CHECK(made->value.size() == 64);
  CHECK(made->value.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(fs::status(directory.path() / "token").permissions() ==
        (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("later starts find the same token") {
  const temporary_directory directory;
  const auto first = read_or_make_token(directory.path() / "token");
  const auto second = read_or_make_token(directory.path() / "token");
  REQUIRE(second.has_value());
  CHECK_FALSE(second->made);
  CHECK(second->value == first->value);
}

TEST_CASE("two data directories have different tokens") {
  const temporary_directory directory;
  CHECK(read_or_make_token(directory.path() / "a")->value !=
        read_or_make_token(directory.path() / "b")->value);
}

TEST_CASE("a token too short or with spaces is refused") {
  const temporary_directory directory;
  CHECK(read_token(directory.write("short", "abc\n")).error().find("16 or more") !=
        std::string::npos);
  CHECK(read_token(directory.write("spaces", "this is not a token\n")).error().find("no spaces") !=
        std::string::npos);
  CHECK_FALSE(read_token(directory.path() / "missing").has_value());
}
