#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "fixture.hpp"

using namespace platen::testing;
using phase = platen::actors::instance::lifecycle;

namespace {

const std::map<std::string, std::string> wants_json{{"Accept", "application/json"}};

}  // namespace

TEST_CASE("metrics are JSON for a client that accepts it and Prometheus text for others") {
  fixture with;
  const auto uuid = with.instance("one", phase::running);
  const auto as_json = with.call("GET", "/v1/instances/metrics?name=one", "", wants_json);
  CHECK(as_json.item().at("state") == "running");
  CHECK(as_json.item().at("start_count") == 1);
  CHECK(as_json.item().at("uuid") == uuid);

  const auto as_text = with.get("/v1/instances/metrics?name=one");
  CHECK(as_text.header("content-type").starts_with("text/plain; version=0.0.4"));
  CHECK(as_text.mentions("# TYPE instance_state gauge\n"));
  CHECK(as_text.mentions("instance_state{uuid=\"" + uuid + "\",name=\"one\"} 2\n"));
  CHECK(as_text.mentions("instance_start_count{uuid=\"" + uuid + "\",name=\"one\"} 1\n"));
}

TEST_CASE("metrics without a reference are those of all instances") {
  fixture with;
  with.instance("one", phase::running);
  with.instance("two", phase::stopped);
  const auto all = with.call("GET", "/v1/instances/metrics", "", wants_json);
  REQUIRE(all.body.at("data").at("instances").size() == 2);
  CHECK(all.item(1).at("state") == "stopped");
}

TEST_CASE("metrics of one instance are read by GET and by POST") {
  fixture with;
  const auto uuid = with.instance("one", phase::running);
  for (const auto* method : {"GET", "POST"})
    CHECK(
        with.call(method, "/v1/instances/" + uuid + "/metrics", "", wants_json).item().at("name") ==
        "one");
}

TEST_CASE(
    "metrics of an instance that does not exist are a failed item, in JSON whatever is accepted") {
  fixture with;
  with.instance("one", phase::running);
  const auto some = with.get("/v1/instances/metrics?name=one&name=nope");
  CHECK(some.body.at("status") == "partial_success");
  CHECK(some.item(1).at("error") == 8);
  CHECK(some.item(1).at("message") == "No instance with name 'nope'");
}

TEST_CASE("memory and processor time are of the VM's process only") {
  fixture with;
  const auto uuid = with.instance("one", phase::running);
  const auto use = [&] {
    return with.call("GET", "/v1/instances/" + uuid + "/metrics", "", wants_json).item();
  };
  const auto enter = [&](std::uint32_t pid) {
    with.control.change("one", [&](auto& one) { one.pid = pid; });
  };
  CHECK_FALSE(use().contains("rss_bytes"));

  // This process exists, but its command line does not name the instance.
  enter(static_cast<std::uint32_t>(::getpid()));
  CHECK_FALSE(use().contains("rss_bytes"));
  CHECK_FALSE(use().contains("cpu_time_ms"));

  // As QEMU's does.
  const auto child = ::fork();
  if (child == 0) {
    ::execl("/bin/sleep", ("vms/" + uuid + ".1").c_str(), "600", nullptr);
    ::_exit(1);
  }
  enter(static_cast<std::uint32_t>(child));
  // Until it has become another program, its command line is this test's.
  auto seen = use();
  for (int i = 0; i < 500 && !seen.contains("rss_bytes"); ++i) {
    ::usleep(10'000);
    seen = use();
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(seen.at("rss_bytes") > 0);
  CHECK(seen.at("cpu_time_ms") >= 0);
  CHECK_FALSE(use().contains("rss_bytes"));
}

TEST_CASE("the daemon's metrics count what there is") {
  fixture with;
  with.instance("one", phase::running);
  with.instance("two", phase::running);
  with.prepared_template("web", platen::actors::vm_template::lifecycle::snapshotting);
  with.append_event("test/one", 0);
  const auto all = with.get("/v1/metrics");
  CHECK(all.status == 200);
  CHECK(all.mentions("platen_instances{lifecycle=\"running\"} 2\n"));
  CHECK(all.mentions("platen_templates{lifecycle=\"snapshotting\"} 1\n"));
  CHECK(all.mentions("platen_preparations_in_flight 1\n"));
  CHECK(all.mentions("platen_events_total 1\n"));
  CHECK(all.mentions("platen_waiting_requests 0\n"));
  CHECK(all.mentions("hypervisor=\"sim\""));
  CHECK(all.mentions("process_resident_memory_bytes "));
  CHECK_FALSE(all.mentions("platen_log_bytes"));
  CHECK_FALSE(all.mentions("platen_gateway"));
}

TEST_CASE("the daemon's metrics need a token") {
  const fixture with;
  CHECK(with.call("GET", "/v1/metrics", "", {{"Authorization", ""}}).status == 401);
}

TEST_CASE("the daemon's metrics have those of the warm pool, if there is one") {
  fixture with;
  CHECK_FALSE(with.get("/v1/metrics").mentions("platen_warm"));
  with.pool.limit_bytes = 512;
  with.pool.bytes = 80;
  with.pool.held_back = "programs on this host waited for memory";
  with.pool.snapshots = {{"s1", 3, 2, 1, 7, 5, 4, "it ended", 80}};
  const auto all = with.get("/v1/metrics");
  for (const std::string line :
       {"platen_warm_pool_limit_bytes 512", "platen_warm_pool_bytes 80",
        "platen_warm_pool_held_back 1", "platen_warm_clones_wanted{snapshot=\"s1\"} 3",
        "platen_warm_clones_ready{snapshot=\"s1\"} 2",
        "platen_warm_clones_filling{snapshot=\"s1\"} 1",
        "platen_warm_clones_taken_total{snapshot=\"s1\"} 7",
        "platen_warm_clones_missed_total{snapshot=\"s1\"} 5",
        "platen_warm_clones_failed_total{snapshot=\"s1\"} 4"}) {
    INFO(line);
    CHECK(all.mentions("\n" + line + "\n"));
  }
}
