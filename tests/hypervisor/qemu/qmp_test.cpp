#include "hypervisor/qemu/qmp.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>

#include "fake_qmp_server.hpp"
#include "hypervisor/qemu/migration.hpp"

using namespace platen::hypervisor::qemu;
using platen::test::fake_qmp_server;
using namespace std::chrono_literals;

namespace {

using answer = tl::expected<nlohmann::json, std::string>;

const std::string greeting = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
const std::string ok = "{\"return\": {}, \"id\": $ID}\r\n";

// Connects, then runs `work` with the client, and gives what it returned.
answer ask(fake_qmp_server& server, std::function<task<answer>(qmp_client&)> work) {
  asio::io_context io;
  qmp_client client(io, 500ms);
  answer result = tl::unexpected(std::string("never answered"));
  auto all = [&]() -> task<void> {
    const auto connected = co_await client.connect(server.directory_fd(), "qmp.sock");
    if (!connected) {
      result = tl::unexpected(connected.error());
    } else {
      auto got = co_await work(client);
      result = std::move(got);
    }
    client.close();
  };
  asio::co_spawn(io, all(), [](std::exception_ptr error) { CHECK(error == nullptr); });
  io.run();
  return result;
}

task<answer> query(qmp_client& client) {
  co_return co_await client.execute("query-status");
}

}  // namespace

TEST_CASE("a command gets its own answer, whatever is said before") {
  fake_qmp_server server(greeting,
                         {ok,
                          "{\"event\": \"STOP\", \"data\": {}}\r\n{\"return\": 1, \"id\": 999}\r\n"
                          "{\"return\": {\"running\": true}, \"id\": $ID}\r\n"});
  const auto status = ask(server, query);
  REQUIRE(status);
  CHECK(status->at("running") == true);
  REQUIRE(server.commands().size() == 2);
  CHECK(server.commands()[0].find("qmp_capabilities") != std::string::npos);
}

TEST_CASE("a saved state is loaded once QEMU says so, and it says so by an event") {
  const auto load = [](const std::string& end) {
    fake_qmp_server server(greeting, {ok, ok,
                                      ok +
                                          "{\"event\": \"MIGRATION\", \"data\": "
                                          "{\"status\": \"active\"}}\n" +
                                          end});
    auto loaded = ask(server, [](qmp_client& client) -> task<answer> {
      const auto done = co_await load_saved_state(client, 9, 300ms);
      if (!done) co_return tl::unexpected(done.error());
      co_return nlohmann::json();
    });
    REQUIRE(server.commands().size() == 3);
    CHECK(server.commands()[1].find("x-ignore-shared") != std::string::npos);
    CHECK(server.commands()[2].find("fd:9") != std::string::npos);
    return loaded;
  };
  CHECK(load("{\"event\": \"MIGRATION\", \"data\": {\"status\": \"completed\"}}\n"));
  CHECK(load("{\"event\": \"MIGRATION\", \"data\": {\"status\": \"failed\"}}\n").error() ==
        "QEMU could not load the saved state");
  CHECK_FALSE(load(""));
}

TEST_CASE("a refused command gives QEMU's reason") {
  fake_qmp_server server(
      greeting,
      {ok,
       "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such disk\"}, \"id\": $ID}\n"});
  CHECK(ask(server, query).error() == "QEMU refused query-status: no such disk");
}

TEST_CASE("events are kept until they are waited for, also those that came first") {
  fake_qmp_server server(greeting,
                         {ok,
                          "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"active\"}}\n"
                          "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"completed\"}}\n" +
                              ok});
  const auto data = ask(server, [](qmp_client& client) -> task<answer> {
    const auto begun = co_await client.execute("migrate");
    if (!begun) co_return begun;
    auto is_end = [](const nlohmann::json& data) { return data.at("status") == "completed"; };
    co_return co_await client.wait_event("MIGRATION", is_end, 500ms);
  });
  REQUIRE(data);
  CHECK(data->at("status") == "completed");
}

TEST_CASE("a silent monitor is given up after the time limit") {
  fake_qmp_server server(greeting, {ok, "", ""});
  CHECK(ask(server, query).error().find("did not answer within") != std::string::npos);
}

TEST_CASE("a monitor that hangs up is an error, not a wait") {
  fake_qmp_server server(greeting, {ok});
  CHECK_FALSE(ask(server, query));
}

TEST_CASE("what does not greet as a monitor is not talked to") {
  fake_qmp_server server("{\"hello\": 1}\n", {});
  CHECK(ask(server, query).error().find("did not greet") != std::string::npos);
  fake_qmp_server noise("nonsense\n", {});
  CHECK(ask(noise, query).error().find("not JSON") != std::string::npos);
}

TEST_CASE("a descriptor travels with its command") {
  fake_qmp_server server(greeting, {ok, ok});
  const auto given = ask(server, [](qmp_client& client) -> task<answer> {
    nlohmann::json name = {{"fdname", "state"}};
    co_return co_await client.execute("getfd", std::move(name), STDERR_FILENO);
  });
  CHECK(given);
  CHECK(server.commands().size() == 2);
  CHECK(server.got_descriptor());
}

TEST_CASE("an endless line is refused instead of collected") {
  qmp_lines lines;
  lines.feed("{\"a\": 1}\n{\"b\"");
  CHECK(lines.next()->value().at("a") == 1);
  CHECK_FALSE(lines.next()->has_value());
  lines.feed(std::string(qmp_lines::line_limit + 1, 'x'));
  CHECK_FALSE(lines.next());
}

TEST_CASE("forwarded ports are read from what `info usernet` prints") {
  const auto forwards = parse_usernet(
      "Hub -1 (net):\r\n"
      "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
      "  TCP[HOST_FORWARD]  16       127.0.0.1 44801       10.0.2.15  8080     0     0\r\n"
      "  TCP[ESTABLISHED]   17       127.0.0.1 44801       10.0.2.2   5555     0     0\r\n"
      "  TCP[HOST_FORWARD]  18       127.0.0.1 99999       10.0.2.15  8081     0     0\r\n"
      "  UDP[236 sec]       19       10.0.2.15    68       10.0.2.3     67     0     0\r\n");
  REQUIRE(forwards.size() == 1);
  CHECK(forwards[0].host_port == 44801);
  CHECK(forwards[0].guest_port == 8080);
}
