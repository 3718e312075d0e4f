// The daemon dies by SIGKILL at every event of a scenario: before the event is written, when it is
// synced but nobody knows, and when whoever waited was told. The client's list of what was
// acknowledged is what the next daemon is held against.
#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <utility>

#include "tests/e2e/world.hpp"

namespace {

using namespace platen::tests;
using platen::cli::method;

// As in tools/platend/crash_points.cpp.
constexpr std::array<const char*, 3> moments{"before_write", "synced", "answered"};

struct command {
  const char* what;
  method verb;
  const char* path;
  json body;
  const char* running = nullptr;  // an instance that runs afterwards
  const char* stopped = nullptr;  // or is stopped
};

json without_waiting(json body) {
  body["timeout_s"] = 0;
  return body;
}

std::vector<command> scenario() {
  const auto named = [](const char* name) { return json::array({{{"name", name}}}); };
  const json from_image = {
      {"name", "two"}, {"image", "any:v1"}, {"memory_mb", 64}, {"autostart", true}};
  return {
      {"create one", method::post, "/v1/instances",
       without_waiting(on_demand("one", "web", "any:v1")), "one"},
      {"create two", method::post, "/v1/instances", without_waiting(from_image), "two"},
      {"stop one", method::put, "/v1/instances/stop", named("one"), nullptr, "one"},
      {"start one", method::put, "/v1/instances/start", named("one"), "one"},
      {"delete two", method::remove, "/v1/instances", named("two")},
      {"delete web", method::remove, "/v1/instances/templates", named("web")},
      {"delete one", method::remove, "/v1/instances", named("one")},
  };
}

// One client with one thing to do after the other.
class client_of_a_mortal {
 public:
  explicit client_of_a_mortal(world& sim) : sim_(sim), plan_(scenario()) {}

  // Goes on where it was interrupted. False if the daemon died on the way.
  bool go_on() {
    for (; next_ < plan_.size(); ++next_) {
      if (acknowledged_ == next_ && !send(plan_[next_])) return false;
      if (!await(plan_[next_])) return false;
    }
    return true;
  }

  // What was acknowledged must be so, whatever the daemon went through since.
  void check_what_was_acknowledged() const {
    const auto asked_next = acknowledged_ < plan_.size() ? plan_[acknowledged_].what : "";
    for (const auto* name : {"one", "two"}) {
      const bool made = was_acknowledged("create " + std::string(name));
      const bool gone = was_acknowledged("delete " + std::string(name));
      const bool going = asked_next == "delete " + std::string(name);
      INFO("instance " << name);
      if (made && !gone && !going) CHECK(exists("/v1/instances", name));
      if (gone) CHECK_FALSE(exists("/v1/instances", name));
    }
    if (was_acknowledged("delete web")) CHECK_FALSE(exists("/v1/instances/templates", "web"));
    if (was_acknowledged("stop one")) CHECK(sim_.count_events("InstanceStopRequested") == 1);
    if (was_acknowledged("start one")) CHECK(sim_.count_events("InstanceStartRequested") >= 2);
  }

 private:
  bool was_acknowledged(const std::string& what) const {
    for (std::size_t i = 0; i < acknowledged_; ++i)
      if (plan_[i].what == what) return true;
    return false;
  }

  bool exists(const std::string& path, const std::string& name) const {
    const auto listed = sim_.api().send(method::get, path);
    REQUIRE(listed.has_value());
    for (const auto& item : listed->items("instances"))
      if (item.at("name") == name) return true;
    return false;
  }

  // False if the daemon did not answer. A command that was interrupted may have been carried out:
  // the second time it may be refused, the first time not.
  bool send(const command& what) {
    INFO(what.what);
    const bool again = std::exchange(tried_, acknowledged_ + 1) == acknowledged_ + 1;
    const auto answer = sim_.api().send(what.verb, what.path, {}, what.body);
    if (!answer && answer.error().code == platen::cli::exit_code::unreachable) return false;
    if (!answer) {
      INFO(answer.error().message);
      REQUIRE(again);
    } else {
      for (const auto& item : answer->items("instances")) {
        INFO(item.dump());
        if (platen::cli::failure_of(item, answer->timed_out)) REQUIRE(again);
      }
    }
    ++acknowledged_;
    return true;
  }

  bool await(const command& what) {
    if (what.running != nullptr) return await(what.running, "running");
    if (what.stopped != nullptr) return await(what.stopped, "stopped");
    return true;
  }

  // The simulated VMs die with their daemon: one that ran is started again.
  bool await(const std::string& name, const std::string& state) {
    for (int starts = 0;; ++starts) {
      REQUIRE(starts < 3);
      const auto listed = sim_.api().send(method::get, "/v1/instances", {{"name", name}});
      if (!listed) return false;
      REQUIRE(listed->items("instances").size() == 1);
      const auto uuid = listed->items("instances").front().value("uuid", "");
      const auto waited = sim_.api().send(method::get, "/v1/instances/" + uuid + "/wait",
                                          {{"state", state}, {"timeout_s", "60"}});
      if (!waited) return false;
      const auto now = sim_.api().send(method::get, "/v1/instances", {{"name", name}});
      if (!now) return false;
      const auto is = now->items("instances").front().value("lifecycle", "");
      if (is == state) return true;
      INFO(now->items("instances").front().dump());
      REQUIRE(is != "failed");
      const auto started = sim_.api().send(method::put, "/v1/instances/start", {},
                                           json::array({{{"name", name}, {"timeout_s", 0}}}));
      if (!started) return false;
    }
  }

  world& sim_;
  std::vector<command> plan_;
  std::size_t next_ = 0;
  std::size_t acknowledged_ = 0;  // the first ones of the plan
  std::size_t tried_ = 0;         // one more than the number of the command that was sent last
};

std::unique_ptr<world> sim_world() {
  return std::make_unique<world>(std::vector<std::string>{"--hypervisor", "sim"});
}

// Nothing was done twice and nothing was left out.
void check_the_whole_log(const world& sim) {
  CHECK(sim.count_events("InstanceRequested") == 2);
  CHECK(sim.count_events("TemplateRequested") == 1);
  CHECK(sim.count_events("InstanceDeleted") == 2);
  CHECK(sim.count_events("TemplateDeleted") == 1);
  CHECK(sim.platen_json({"instance", "ls"}).empty());
  CHECK(sim.platen_json({"template", "ls"}).empty());
  CHECK(sim.platen({"verify"}).code == 0);
}

std::size_t events_of_an_undisturbed_run() {
  const auto sim = sim_world();
  sim->start_daemon();
  REQUIRE(client_of_a_mortal(*sim).go_on());
  check_the_whole_log(*sim);
  return sim->events().size();
}

// The daemon dies at event `sequence`; the next one has to know and to finish everything.
void die_at(std::size_t sequence, const char* moment) {
  INFO("dies at event " << sequence << ", " << moment);
  const auto sim = sim_world();
  client_of_a_mortal client(*sim);
  const bool listens = sim->start_daemon_with(
      {{"PLATEN_CRASH_AT_SEQUENCE", std::to_string(sequence)}, {"PLATEN_CRASH_WHEN", moment}});
  const bool survived = listens && client.go_on();
  // A run with an event less than the first one ends before the daemon dies, or with what follows
  // the last answer.
  if (survived) sim->daemon().signal(SIGKILL);
  CHECK(sim->wait_for_daemon_to_end() == -SIGKILL);
  sim->start_daemon();
  client.check_what_was_acknowledged();
  CHECK(sim->platen({"verify"}).code == 0);
  REQUIRE(client.go_on());
  check_the_whole_log(*sim);
  CHECK(sim->stop_daemon() < std::chrono::seconds(10));
  sim->require_chain_unbroken();
}

}  // namespace

TEST_CASE("P1 P7: a daemon that dies at an event loses nothing and leaves nothing half done") {
  const auto events = events_of_an_undisturbed_run();
  REQUIRE(events > 20);
  // Every third event, each at another moment; all of them take minutes.
  for (std::size_t sequence = 1, i = 0; sequence <= events; sequence += 3, ++i)
    die_at(sequence, moments[i % moments.size()]);
}

TEST_CASE("P1 P7: a daemon that dies at any event, at any moment of it", "[.crash-points]") {
  const auto events = events_of_an_undisturbed_run();
  for (std::size_t sequence = 1; sequence <= events + 1; ++sequence)
    for (const auto* moment : moments)
      die_at(sequence, moment);
}

TEST_CASE(
    "a crash point that means nothing is refused, and one that means something is announced") {
  const auto sim = sim_world();
  CHECK_FALSE(sim->start_daemon_with({{"PLATEN_CRASH_AT_SEQUENCE", "soon"}}));
  CHECK(sim->daemon().output().find("PLATEN_CRASH_AT_SEQUENCE") != std::string::npos);
  CHECK(sim->wait_for_daemon_to_end() == 1);
  CHECK_FALSE(sim->start_daemon_with(
      {{"PLATEN_CRASH_AT_SEQUENCE", "5"}, {"PLATEN_CRASH_WHEN", "whenever"}}));
  CHECK(sim->daemon().output().find("PLATEN_CRASH_WHEN") != std::string::npos);
  CHECK(sim->wait_for_daemon_to_end() == 1);
  REQUIRE(sim->start_daemon_with({{"PLATEN_CRASH_AT_SEQUENCE", "1000"}}));
  CHECK(sim->daemon().output().find("for tests") != std::string::npos);
}
