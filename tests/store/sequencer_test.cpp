#include "store/sequencer.hpp"

#include <catch2/catch.hpp>

#include "tests/store/log_suite.hpp"

using namespace platen;
using namespace platen::store;
using namespace platen::store::testing;

namespace {

prepared_append one_event(const std::string& stream, std::uint64_t version) {
  return prepare(request(stream, version)).value();
}

}  // namespace

TEST_CASE("a stream that was written to before the log was opened goes on at its version") {
  sequencer writer({}, [](const std::string& stream) -> result<std::uint64_t> {
    return stream == "template/old" ? 7 : 0;
  });
  CHECK(writer.assign(one_event("template/old", 7))->place.version == 8);
  CHECK(writer.assign(one_event("template/old", 8))->place.version == 9);
  CHECK(writer.assign(one_event("template/old", 7)).error().what == error::kind::version_conflict);
  CHECK(writer.assign(one_event("template/new", 0))->place.version == 1);
}

TEST_CASE("a version that cannot be told is the answer to the append, and nothing is assigned") {
  sequencer writer({}, [](const std::string&) -> result<std::uint64_t> {
    return tl::unexpected(error{error::kind::io, "the disk is gone"});
  });
  CHECK(writer.assign(one_event("template/a", 0)).error().what == error::kind::io);
  CHECK(writer.newest().sequence == 0);
}

TEST_CASE("only streams that were not written to for long are looked up again") {
  std::size_t looked_up = 0;
  sequencer writer({}, [&](const std::string& stream) -> result<std::uint64_t> {
    ++looked_up;
    return stream == "instance/0" && looked_up > 1 ? 1 : 0;
  });
  const auto write_to = [&](std::size_t stream, std::uint64_t version) {
    return writer.assign(one_event("instance/" + std::to_string(stream), version)).has_value();
  };
  for (std::size_t i = 0; i < sequencer::remembered_streams; ++i)
    REQUIRE(write_to(i, 0));
  REQUIRE(write_to(1, 1));
  CHECK(looked_up == sequencer::remembered_streams);
  for (std::size_t i = 0; i < sequencer::remembered_streams; ++i)
    REQUIRE(write_to(sequencer::remembered_streams + i, 0));
  CHECK(looked_up == 2 * sequencer::remembered_streams);
  CHECK(write_to(0, 1));
  CHECK(looked_up == 2 * sequencer::remembered_streams + 1);
}
