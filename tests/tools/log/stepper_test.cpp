#include "tools/platen/log/stepper.hpp"

#include <catch2/catch.hpp>

#include "tests/tools/log/written_log.hpp"
#include "tools/platen/log/state_fields.hpp"
#include "tools/platen/log/subject.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

// The shared preparation, opened for stepping.
class session {
 public:
  session() : log_((write_shared_preparation(written_), spool::of(written_.log()).value())) {}

  answer run(const std::string& command) {
    INFO(command);
    auto done = steps_.run(command);
    REQUIRE(done);
    return *std::move(done);
  }
  failure refused(const std::string& command) {
    const auto done = steps_.run(command);
    REQUIRE(!done);
    return done.error();
  }
  std::uint64_t sequence(const std::string& command) { return run(command).data["sequence"]; }
  std::string prompt() const { return steps_.prompt(); }

 private:
  tests::written_log written_;
  spool log_;
  stepper steps_{log_, *read_names(log_)};
};

}  // namespace

TEST_CASE("stepping forward and back, by one and by many") {
  session s;
  CHECK(s.prompt() == "[seq 0/20 before the first event] ");
  CHECK(s.sequence("next") == 1);
  CHECK(s.sequence("n 8") == 9);
  CHECK(s.prompt() == "[seq 9/20 template/web TemplateSnapshotted] ");
  CHECK(s.sequence("p 2") == 7);
  CHECK(s.sequence("prev") == 6);
  CHECK(s.sequence("n 1000") == 20);
  CHECK(s.run("next").data["moved"] == false);
  CHECK(s.sequence("p 1000") == 0);
}

TEST_CASE("goto takes a sequence or a time") {
  session s;
  CHECK(s.sequence("goto 9") == 9);
  CHECK(s.sequence("goto 2026-11-22T09:40:06Z") == 7);
  CHECK(s.refused("goto nowhere").message.rfind("expected a sequence or a time", 0) == 0);
  CHECK(s.refused("goto").code == exit_code::usage);
}

TEST_CASE("continue stops at breakpoints in both directions") {
  session s;
  s.run("break type=InstanceRunning");
  CHECK(s.sequence("continue") == 12);
  CHECK(s.run("c").text.rfind("breakpoint 1: type=InstanceRunning", 0) == 0);
  CHECK(s.sequence("c") == 20);
  CHECK(s.sequence("reverse-continue") == 16);
  CHECK(s.sequence("rc") == 12);
  CHECK(s.sequence("rc") == 0);
}

TEST_CASE("a breakpoint may ask for the state after the event") {
  session s;
  s.run("break stream=template/web lifecycle=snapshotting");
  CHECK(s.sequence("c") == 8);
  s.run("delete 1");
  s.run("goto 0");
  s.run("break clones_made>1");
  CHECK(s.sequence("c") == 17);
  s.run("delete 2");
  s.run("goto 0");
  s.run("break snapshot.memory_bytes>=268435456");
  CHECK(s.sequence("c") == 9);
}

TEST_CASE("breakpoints are listed and deleted by number") {
  session s;
  s.run("break origin=guest");
  s.run("break type!=InstanceRunning");
  CHECK(s.run("breaks").text == "1  origin=guest\n2  type!=InstanceRunning");
  s.run("delete 1");
  CHECK(s.run("breaks").data.size() == 1);
  CHECK(s.refused("delete 1").code == exit_code::usage);
  CHECK(s.refused("delete").code == exit_code::usage);
}

TEST_CASE("a breakpoint that can never be met is refused, with what was meant") {
  session s;
  CHECK(s.refused("break type=InstanceFialed").message ==
        "there is no type 'InstanceFialed'; did you mean 'InstanceFailed'?");
  CHECK(s.refused("break lifecylce=running").message ==
        "neither events nor states have a field 'lifecylce'; did you mean 'lifecycle'?");
  CHECK(s.refused("break").code == exit_code::usage);
  CHECK(s.refused("break lifecycle").code == exit_code::usage);
  CHECK(s.refused("break type>InstanceFailed").message ==
        "type can only be compared with = and !=");
}

TEST_CASE("diff shows what an event changed, field by field") {
  session s;
  s.run("goto 9");
  const auto text = s.run("diff").text;
  CHECK(text.find("lifecycle: snapshotting → snapshotted") != std::string::npos);
  CHECK(text.find("snapshot.memory_bytes: - → 268435456") != std::string::npos);
  CHECK(text.find("version: 4 → 5") != std::string::npos);
  CHECK(text.find("name:") == std::string::npos);
  CHECK(s.refused("goto -1").code == exit_code::usage);
}

TEST_CASE("the state of an entity can be seen at any point") {
  session s;
  CHECK(s.run("state template/web").text == "template web does not exist yet");
  s.run("goto 7");
  CHECK(s.run("state template/web").data["lifecycle"] == "awaiting_guest_signal");
  CHECK(s.run("state web").data["pid"] == 4711);
  CHECK(s.run("state").data["instances"].size() == 2);
  CHECK(s.refused("state nobody").code == exit_code::not_found);
}

TEST_CASE("the event is shown as JSON and the events around it as a list") {
  session s;
  s.run("goto 9");
  CHECK(s.run("event").data["type"] == "TemplateSnapshotted");
  const auto list = s.run("list").data;
  REQUIRE(list.size() == 11);
  CHECK(list[5]["present"] == true);
  CHECK(list[5]["sequence"] == 9);
}

TEST_CASE("a mistyped command is answered with the nearest") {
  session s;
  CHECK(s.refused("contniue").message ==
        "there is no command 'contniue'; did you mean 'continue'?");
  CHECK(s.refused("next many").code == exit_code::usage);
  CHECK(s.run("").text.empty());
  CHECK(s.run("quit").quit);
}

TEST_CASE("an empty log can be stepped through, too") {
  const tests::written_log written;
  const auto log = spool::of(written.log());
  stepper steps(*log, {});
  CHECK(steps.prompt() == "[seq 0/0 before the first event] ");
  for (const auto* command : {"next", "prev", "continue", "rc", "list", "state", "event", "goto 3"})
    CHECK(steps.run(command));
  CHECK(!steps.run("diff"));
}
