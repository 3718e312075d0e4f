#include "tools/platen/log/replay_checks.hpp"

#include <catch2/catch.hpp>

#include "actors/state_codec.hpp"
#include "tests/tools/log/written_log.hpp"
#include "tools/platen/log/child_output.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

events::checkpoint_signed checkpoint(std::uint64_t through, const std::string& hash,
                                     const std::string& format = actors::state_format()) {
  events::checkpoint_signed event;
  event.through = through;
  event.state_hash = hash;
  event.state_format = format;
  return event;
}

std::string hash_at(const tests::written_log& log, std::uint64_t sequence) {
  return digest_of(actors::replay(log.log(), sequence).value()).to_hex();
}

// The lines another version of Platen prints for this log.
std::vector<state_line> lines_of(const tests::written_log& log) {
  std::vector<state_line> out;
  actors::world all;
  for (const auto& event : log.all()) {
    actors::apply(all, event);
    if (auto line = line_of(all, event)) out.push_back(*std::move(line));
  }
  return out;
}

version_report compared_with(const tests::written_log& log, std::vector<state_line> theirs) {
  std::size_t next = 0;
  const auto copy = spool::of(log.log());
  return compare_versions(*copy,
                          [&]() -> result<std::optional<state_line>> {
                            if (next == theirs.size()) return std::nullopt;
                            return theirs[next++];
                          })
      .value();
}

}  // namespace

TEST_CASE("stored state hashes that today's code makes again agree") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto early = hash_at(log, 7);
  log.add("system/checkpoints", checkpoint(7, early));
  log.add("system/checkpoints", checkpoint(20, hash_at(log, 20)));
  const auto report = check_stored_hashes(*spool::of(log.log()));
  REQUIRE(report);
  CHECK(report->ok());
  CHECK(report->agreed == 2);
}

TEST_CASE("the first sequence where a stored state hash disagrees is named") {
  tests::written_log log;
  write_shared_preparation(log);
  log.add("system/checkpoints", checkpoint(20, hash_at(log, 19)));
  log.add("system/checkpoints", checkpoint(9, hash_at(log, 8)));
  log.add("system/checkpoints", checkpoint(4, hash_at(log, 4)));
  const auto report = check_stored_hashes(*spool::of(log.log()));
  CHECK(!report->ok());
  CHECK(report->agreed == 1);
  CHECK(report->disagreed == 2);
  CHECK(report->first->through == 9);
  CHECK(report->first->checkpoint == 22);
  CHECK(report->first->computed == hash_at(log, 9));
}

TEST_CASE("hashes of another format, or none, are counted but not compared") {
  tests::written_log log;
  write_shared_preparation(log);
  log.add("system/checkpoints", checkpoint(20, "00", "state-0"));
  log.add("system/checkpoints", checkpoint(20, ""));
  const auto report = check_stored_hashes(*spool::of(log.log()));
  CHECK(report->ok());
  CHECK(report->agreed == 0);
  CHECK(report->other_format == 1);
  CHECK(report->without_hash == 1);
}

TEST_CASE("after an event that was withheld nothing can be compared, and nothing is blamed") {
  tests::written_log log;
  write_shared_preparation(log);
  log.add("system/checkpoints", checkpoint(20, hash_at(log, 20)));
  log.at(70'000).add(tests::template_stream(1), events::template_deleted{});
  log.add("system/checkpoints", checkpoint(22, hash_at(log, 22)));
  const auto copy = spool::of(tests::log_without(log.log(), "TemplateDeleted"));
  REQUIRE(copy);
  const auto report = check_stored_hashes(*copy);
  REQUIRE(report);
  CHECK(report->ok());
  CHECK(report->agreed == 1);
  CHECK(report->incomplete == 1);
}

TEST_CASE("two versions that make the same of a log agree") {
  tests::written_log log;
  write_shared_preparation(log);
  const auto report = compared_with(log, lines_of(log));
  CHECK(report.compared == 20);
  CHECK(report.disagreed == 0);
}

TEST_CASE("the first sequence where two versions disagree is named with both hashes") {
  tests::written_log log;
  write_shared_preparation(log);
  auto theirs = lines_of(log);
  const auto ours = theirs[8].hash;
  theirs[8].hash = std::string(64, '0');
  theirs[15].hash = std::string(64, '1');
  const auto report = compared_with(log, theirs);
  CHECK(report.disagreed == 2);
  CHECK(report.first->sequence == 9);
  CHECK(report.first->ours == ours);
  CHECK(report.first->theirs == std::string(64, '0'));
}

TEST_CASE("a state that only one of two versions has is a disagreement") {
  tests::written_log log;
  write_shared_preparation(log);
  auto fewer = lines_of(log);
  fewer.erase(fewer.begin() + 4);
  const auto without = compared_with(log, fewer);
  CHECK(without.disagreed == 1);
  CHECK(without.first->sequence == 5);
  CHECK(!without.first->theirs);

  auto more = lines_of(log);
  more.push_back({21, "volume/x", 1, std::string(64, '2')});
  const auto with = compared_with(log, more);
  CHECK(with.disagreed == 1);
  CHECK(with.first->sequence == 21);
  CHECK(!with.first->ours);
}

TEST_CASE("a line of --hashes comes back as it was; anything else is none") {
  const state_line line{42, "template/x", 7, std::string(64, 'a')};
  CHECK(parse_state_line(to_text(line)) == line);
  for (const auto* text : {"", "42", "42 template/x 7 abc", "x template/x 7 00"})
    CHECK(!parse_state_line(text));
}

TEST_CASE("a program's lines are read while it runs, without a shell") {
  auto program = child_output::start({"printf", "%s\\n", "a b", "$HOME;"}, {});
  REQUIRE(program);
  CHECK(program->next_line() == "a b");
  CHECK(program->next_line() == "$HOME;");
  CHECK(program->next_line() == std::nullopt);
  CHECK(program->finish());
}

TEST_CASE("a program that fails or does not exist is reported") {
  auto failing = child_output::start({"false"}, {});
  REQUIRE(failing);
  CHECK(failing->next_line() == std::nullopt);
  CHECK(failing->finish().error().message == "false ended with exit code 1");
  CHECK(!child_output::start({"/nowhere/platen"}, {}));
}

TEST_CASE("variables are added to a program's environment") {
  auto program = child_output::start({"printenv", "PLATEN_URL"}, {"PLATEN_URL=http://there"});
  REQUIRE(program);
  CHECK(program->next_line() == "http://there");
}
