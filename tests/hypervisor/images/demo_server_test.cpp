#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/hypervisor/images/demo_server_process.hpp"
#include "tests/hypervisor/images/test_folder.hpp"

namespace test = platen::hypervisor::images::test;
using nlohmann::json;

namespace {

struct server_fixture {
  test::test_folder folder;

  std::map<std::string, std::string> environment(const std::string& signal) const {
    return {{"DEMO_WARM_UP_MS", "60"},
            {"DEMO_PORT", "0"},
            {"DEMO_SESSION", (folder / "session").string()},
            {"DEMO_SIGNAL", (folder / signal).string()}};
  }
};

std::string get(const test::demo_server_process& server, const std::string& path) {
  return test::answer_on(server.connect(), "GET " + path + " HTTP/1.1\r\nHost: demo\r\n\r\n");
}

}  // namespace

TEST_CASE_METHOD(server_fixture, "the server tells its progress and counts primes correctly") {
  test::demo_server_process server(environment("no signal"));
  // The number of primes below 1,500,000 is well known.
  CHECK(server.wait_for_line("warm: ").starts_with("warm: 114155 primes below 1500000"));
  CHECK(server.lines().size() == 7);
}

TEST_CASE_METHOD(server_fixture, "an ordinary instance serves although it may not be a template") {
  test::demo_server_process server(environment("no signal"));
  CHECK(server.wait_for_line("going on").starts_with("going on as an ordinary instance"));
  CHECK(get(server, "/").find("This is an ordinary instance.") != std::string::npos);
  CHECK(json::parse(test::body_of(get(server, "/id"))).at("is_clone") == false);
}

TEST_CASE_METHOD(server_fixture,
                 "connections wait while the write of the signal is held, and the "
                 "session is read after it") {
  REQUIRE(::mkfifo((folder / "signal").c_str(), 0600) == 0);
  test::demo_server_process server(environment("signal"));
  server.wait_for_line("listening on port ");
  // The server now waits for a reader of the pipe, as a template waits for its clone.
  const int early = server.connect();
  test::write_file(folder / "session/session.txt", "sessionID=XYZ");
  const int reader = ::open((folder / "signal").c_str(), O_RDONLY | O_CLOEXEC);
  char written = 0;
  REQUIRE(::read(reader, &written, 1) == 1);
  CHECK(written == '1');
  ::close(reader);
  const auto page = test::answer_on(early, "GET / HTTP/1.1\r\n\r\n");
  CHECK(page.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(page.find("<dt>session.txt</dt>\n<dd><pre>sessionID=XYZ</pre></dd>") != page.npos);
  CHECK(page.find("This is a clone.") != page.npos);
  CHECK(json::parse(test::body_of(get(server, "/id"))).at("is_clone") == true);
}

TEST_CASE_METHOD(server_fixture, "files of the session are shown as text, folders included") {
  test::write_file(folder / "session/a/b.html", "<script>alert('&')</script>");
  std::filesystem::create_symlink("/etc/passwd", folder / "session/link");
  test::demo_server_process server(environment("no signal"));
  server.wait_for_line("going on");
  const auto page = get(server, "/?query");
  CHECK(page.find("<dt>a/b.html</dt>") != page.npos);
  CHECK(page.find("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;") != page.npos);
  CHECK(page.find("<script>") == page.npos);
  CHECK(page.find("root:") == page.npos);
}

TEST_CASE_METHOD(server_fixture, "the identity is read anew for each request") {
  test::demo_server_process server(environment("no signal"));
  server.wait_for_line("going on");
  const auto first = json::parse(test::body_of(get(server, "/id")));
  const auto second = json::parse(test::body_of(get(server, "/id")));
  CHECK(first.at("boot_id") == second.at("boot_id"));
  CHECK(first.at("boot_id").get<std::string>().size() == 36);
  CHECK(first.at("uuid").get<std::string>().size() == 36);
  CHECK(first.at("uuid") != second.at("uuid"));
  CHECK(first.at("urandom").get<std::string>().size() == 32);
  CHECK(first.at("urandom") != second.at("urandom"));
  CHECK(first.at("hostname").is_string());
  CHECK(first.at("machine_id").is_string());
  const auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch());
  CHECK(first.at("time").get<double>() == Approx(now.count()).margin(30));
}

TEST_CASE_METHOD(server_fixture, "what is not understood gets an answer that says so") {
  test::demo_server_process server(environment("no signal"));
  server.wait_for_line("going on");
  CHECK(get(server, "/nothing").starts_with("HTTP/1.1 404 "));
  CHECK(test::answer_on(server.connect(), "POST / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  CHECK(test::answer_on(server.connect(), "rubbish\r\n\r\n").starts_with("HTTP/1.1 400 "));
  const auto head = test::answer_on(server.connect(), "HEAD / HTTP/1.1\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 "));
  CHECK(test::body_of(head).empty());
}

TEST_CASE_METHOD(server_fixture, "a client that says nothing does not keep others waiting") {
  test::demo_server_process server(environment("no signal"));
  server.wait_for_line("going on");
  const int silent = server.connect();
  CHECK(get(server, "/").starts_with("HTTP/1.1 200 "));
  ::close(silent);
}
