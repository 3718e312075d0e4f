#include "tools/platend/data_dir.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/tools/temporary_directory.hpp"

namespace {

using namespace platen::platend;
using platen::tests::temporary_directory;
namespace fs = std::filesystem;

}  // namespace

TEST_CASE("a data directory is made private to its user") {
  const temporary_directory directory;
  const auto opened = data_dir::open(directory.path() / "deep/data");
  REQUIRE(opened.has_value());
  CHECK(opened->path() == directory.path() / "deep/data");
  CHECK(fs::status(opened->path()).permissions() == fs::perms::owner_all);
}

TEST_CASE("two daemons never share a data directory, and the second is told who has it") {
  const temporary_directory directory;
  const auto first = data_dir::open(directory.path() / "data");
  REQUIRE(first.has_value());
  const auto second = data_dir::open(directory.path() / "data");
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().find("in use by process " + std::to_string(getpid())) != std::string::npos);
}

TEST_CASE("a data directory is free again when its daemon has ended") {
  const temporary_directory directory;
  { REQUIRE(data_dir::open(directory.path() / "data").has_value()); }
  CHECK(data_dir::open(directory.path() / "data").has_value());
}
