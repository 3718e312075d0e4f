#include "tools/platend/scoped_tokens.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/temporary_directory.hpp"

namespace {

using namespace platen::platend;
using platen::tests::temporary_directory;
namespace fs = std::filesystem;

const std::string one(20, 'a');
const std::string two(20, 'b');
const std::string operators(20, 'o');

tl::expected<std::vector<scoped_token>, std::string> read(const std::string& text,
                                                          fs::perms mode = fs::perms::owner_read |
                                                                           fs::perms::owner_write) {
  const temporary_directory directory;
  const auto file = directory.write("tokens", text);
  fs::permissions(file, mode);
  return read_scoped_tokens(file, operators);
}

bool refused(const std::string& text, const std::string& because) {
  const auto outcome = read(text);
  INFO((outcome ? std::string("accepted") : outcome.error()));
  CHECK_FALSE(outcome);
  return !outcome && outcome.error().find(because) != std::string::npos;
}

}  // namespace

TEST_CASE("a tokens file has a scope and a token a line, and comments") {
  const auto all = read("# who is who\n\nteam-a " + one + "\n  blue\t" + two + "  \r\n");
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK(all->at(0).scope == "team-a");
  CHECK(all->at(0).value == one);
  CHECK(all->at(1).scope == "blue");
  CHECK(all->at(1).value == two);
}

TEST_CASE("a scope may have two tokens while one replaces the other") {
  const auto all = read("team " + one + "\nteam " + two + "\n");
  REQUIRE(all);
  CHECK(all->size() == 2);
}

TEST_CASE("a tokens file that others may read is refused") {
  const auto others = fs::perms::owner_read | fs::perms::group_read;
  const auto outcome = read("team " + one + "\n", others);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().find("chmod 600") != std::string::npos);
}

TEST_CASE("what is wrong with a tokens file is named with its line") {
  CHECK(refused("team " + one + "\nteam\n", ":2: expected a scope and a token"));
  CHECK(refused("team " + one + " more\n", ":1: expected a scope and a token"));
  CHECK(refused("#\nTeam " + one + "\n", ":2: 'Team' is no scope"));
  CHECK(refused("a/b " + one + "\n", "is no scope"));
  CHECK(refused("-a " + one + "\n", "is no scope"));
  CHECK(refused("a- " + one + "\n", "is no scope"));
  CHECK(refused(std::string(33, 'a') + " " + one + "\n", "is no scope"));
  CHECK(refused("team short\n", ":1: expected a token of 16 or more characters"));
  CHECK(refused("a " + one + "\n\nb " + one + "\n", ":3: the token is that of line 1"));
  CHECK(refused("team " + operators + "\n", ":1: the token is the operator's own"));
  CHECK_FALSE(read_scoped_tokens("/nowhere/at/all", operators));
}

TEST_CASE("a tokens file is bounded") {
  std::string many;
  for (std::size_t i = 0; i <= scoped_tokens_limit; ++i)
    many += "team " + one + std::to_string(i) + "\n";
  CHECK(refused(many, ":1025: there are more than 1024 tokens"));
  CHECK(refused(std::string(tokens_file_bytes_limit + 1, '#'), "larger than"));
}
