#include "tools/platen/log/time_machine.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/log/written_log.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

// A template with many clones: 2 events, then 2 for each clone.
void write_many_clones(tests::written_log& log, int clones) {
  log.add(tests::template_stream(1), tests::wanted_template("web"));
  log.add(tests::template_stream(1), events::template_snapshotted{});
  for (int i = 0; i < clones; ++i) {
    events::clone_granted granted;
    granted.instance_id = std::to_string(i);
    log.at(i).add(tests::template_stream(1), granted);
    events::clone_finished finished;
    finished.instance_id = granted.instance_id;
    finished.running = true;
    log.add(tests::template_stream(1), finished);
  }
}

const actors::vm_template::state& web_in(const time_machine& machine) {
  return machine.now().templates.at(tests::id_of(1));
}

}  // namespace

TEST_CASE("the state at a position is the same whatever way led there") {
  tests::written_log written;
  write_many_clones(written, 2000);
  const auto log = spool::of(written.log());
  time_machine machine(*log);
  std::map<std::size_t, actors::vm_template::state> first_time;
  for (std::size_t position = 1; position <= log->size(); position += 97) {
    REQUIRE(machine.move_to(position));
    first_time[position] = web_in(machine);
  }
  for (auto one = first_time.rbegin(); one != first_time.rend(); ++one) {
    REQUIRE(machine.move_to(one->first));
    CHECK(web_in(machine) == one->second);
  }
}

TEST_CASE("the copies that make going back quick are bounded") {
  tests::written_log written;
  write_many_clones(written, 9'000);
  const auto log = spool::of(written.log());
  time_machine machine(*log);
  REQUIRE(machine.move_to(log->size()));
  CHECK(machine.checkpoints() > 16);
  CHECK(machine.checkpoints() <= 64);
  REQUIRE(machine.move_to(log->size() - 1));
  CHECK(web_in(machine).clones_made == 8'999);
}

TEST_CASE("looking back finds the newest match before the present event") {
  tests::written_log written;
  write_many_clones(written, 1000);
  const auto log = spool::of(written.log());
  time_machine machine(*log);
  REQUIRE(machine.move_to(log->size()));
  const auto at_500 = [](const events::envelope&, const actors::world& after) {
    return after.templates.at(tests::id_of(1)).clones_made == 500;
  };
  REQUIRE(machine.back_to(at_500) == true);
  CHECK(machine.position() == 2 + 2 * 500 + 1);
  REQUIRE(machine.back_to(at_500) == true);
  CHECK(machine.position() == 2 + 2 * 500);
  REQUIRE(machine.back_to(at_500) == false);
  CHECK(machine.position() == 0);
}

TEST_CASE("what an event changed is known after moving there from anywhere") {
  tests::written_log written;
  write_many_clones(written, 1000);
  const auto log = spool::of(written.log());
  time_machine machine(*log);
  for (const std::size_t position : {1500u, 700u}) {
    REQUIRE(machine.move_to(position));
    const auto changes = machine.present_changes();
    REQUIRE(changes);
    const auto made = std::find_if(changes->begin(), changes->end(), [](const auto& change) {
      return change.field == "clones_made";
    });
    REQUIRE(made != changes->end());
    CHECK(made->after == std::to_string((position - 2) / 2));
  }
}
