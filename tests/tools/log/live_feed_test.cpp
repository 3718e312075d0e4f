#include "tools/platen/log/live_feed.hpp"

#include <httplib.h>

#include <catch2/catch.hpp>
#include <thread>

#include "events/json.hpp"
#include "tests/tools/log/written_log.hpp"
#include "tools/platen/base64.hpp"

using namespace platen;
using namespace platen::cli;

namespace {

// Answers GET /v1/events with what its log has, and then ends the answer, as a daemon that stops.
class stopping_daemon {
 public:
  explicit stopping_daemon(const tests::written_log& log) {
    server_.Get("/v1/events", [&](const httplib::Request& request, httplib::Response& response) {
      const auto after = std::stoull(request.get_param_value("after"));
      asked_after.push_back(after);
      std::string lines;
      const auto read = log.log().read_records(
          after, [&](const events::envelope& event, std::string_view record) {
            auto line = events::to_json(event);
            line.pop_back();
            lines += line + R"(,"record":")" + to_base64(std::string(record)) + "\"}\n";
            return true;
          });
      response.set_content(read ? lines : "", "application/x-ndjson");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }

  ~stopping_daemon() {
    server_.stop();
    thread_.join();
  }

  client api() const {
    return client::connect({"http://127.0.0.1:" + std::to_string(port_), ""}).value();
  }

  std::vector<std::uint64_t> asked_after;

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a feed goes on behind the last event after the connection was lost") {
  tests::written_log log;
  log.add("system/platend", events::daemon_started{});
  stopping_daemon daemon(log);
  std::vector<std::string> announced;
  std::vector<std::uint64_t> seen;
  live_feed feed(
      daemon.api(), [&](const std::string& text) { announced.push_back(text); },
      [&](std::chrono::milliseconds) { log.add("system/platend", events::daemon_started{}); });
  const auto read = feed.read(0, true, [&](const events::envelope& event) {
    seen.push_back(event.sequence);
    return seen.size() < 3;
  });
  REQUIRE(read);
  CHECK(seen == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(daemon.asked_after == std::vector<std::uint64_t>{0, 1, 2});
  CHECK(announced == std::vector<std::string>{"lost the daemon; trying again",
                                              "connected again; going on after sequence 1",
                                              "lost the daemon; trying again",
                                              "connected again; going on after sequence 2"});
}

TEST_CASE("without --follow a feed ends with the log") {
  tests::written_log log;
  write_shared_preparation(log);
  stopping_daemon daemon(log);
  live_feed feed(
      daemon.api(), [](const auto&) { FAIL("nothing was lost"); },
      [](auto) { FAIL("nothing is waited for"); });
  std::size_t seen = 0;
  REQUIRE(feed.read(5, false, [&](const auto&) { return ++seen > 0; }));
  CHECK(seen == 15);
}

TEST_CASE("a daemon that was never there is not waited for") {
  live_feed feed(
      client::connect({"http://127.0.0.1:1", ""}).value(), [](const auto&) { FAIL("not lost"); },
      [](auto) { FAIL("not waited for"); });
  const auto read = feed.read(0, true, [](const auto&) { return true; });
  REQUIRE(!read);
  CHECK(read.error().code == exit_code::unreachable);
}

TEST_CASE("a daemon that does not come back is given up in the end") {
  tests::written_log log;
  log.add("system/platend", events::daemon_started{});
  auto daemon = std::make_unique<stopping_daemon>(log);
  std::chrono::milliseconds waited{0};
  live_feed feed(
      daemon->api(), [](const auto&) {},
      [&](std::chrono::milliseconds time) {
        waited += time;
        daemon.reset();
      });
  const auto read = feed.read(0, true, [](const auto&) { return true; });
  REQUIRE(!read);
  CHECK(read.error().code == exit_code::unreachable);
  CHECK(waited > std::chrono::minutes(1));
  CHECK(waited < std::chrono::minutes(2));
}

TEST_CASE("a daemon that comes back with another log is found out") {
  tests::written_log log;
  log.add("system/platend", events::daemon_started{});
  tests::written_log other;
  other.at(5).add("system/platend", events::daemon_started{});
  other.add("system/platend", events::daemon_stopped{});
  const tests::written_log* serving = &log;
  httplib::Server server;
  server.Get("/v1/events", [&](const httplib::Request& request, httplib::Response& response) {
    std::string lines;
    [[maybe_unused]] const auto read = serving->log().read_records(
        std::stoull(request.get_param_value("after")), [&](const auto&, std::string_view record) {
          lines += R"({"record":")" + to_base64(std::string(record)) + "\"}\n";
          return true;
        });
    response.set_content(lines, "application/x-ndjson");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  live_feed feed(
      client::connect({"http://127.0.0.1:" + std::to_string(port), ""}).value(), [](const auto&) {},
      [&](auto) { serving = &other; });
  const auto read = feed.read(0, true, [](const auto&) { return true; });
  server.stop();
  thread.join();
  REQUIRE(!read);
  CHECK(read.error().code == exit_code::log_broken);
}
