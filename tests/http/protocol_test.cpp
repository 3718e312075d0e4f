// Authentication, envelopes of whole-request faults, framing, sizes.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace platen::testing;

TEST_CASE("a request without a valid token is answered 401 in the envelope") {
  fixture at;
  for (const std::string header : {"", "Bearer wrong", "Basic secret-token", "Bearer",
                                   "secret-token", "Bearer secret-toke", "Bearer secret-tokenx"}) {
    const auto told = at.call("GET", "/v1/instances", "", {{"Authorization", header}});
    CHECK(told.status == 401);
    CHECK(told.body.at("status") == "error");
    CHECK(told.body.at("errors").at(0).at("status") == 401);
    CHECK(told.body.contains("op_time_us"));
    CHECK(told.header("www-authenticate") == "Bearer");
  }
}

TEST_CASE("every configured token works and its principal causes the events") {
  fixture at;
  const std::string body = R"({"image":"demo"})";
  CHECK(
      at.call("POST", "/v1/instances", body, {{"Authorization", "bearer another-token"}}).status ==
      200);
  REQUIRE(at.control.causes().size() == 1);
  CHECK(at.control.causes()[0].principal == "token:9e78bcb94091");
  CHECK(at.control.causes()[0].source == platen::events::origin::api);
}

TEST_CASE("health is open and everything else under an unknown path needs a token first") {
  fixture at;
  const auto health = at.call("GET", "/v1/healthz", "", {{"Authorization", ""}});
  CHECK(health.status == 200);
  const auto& data = health.body.at("data");
  CHECK(data.at("checks").at("log") == "healthy");
  CHECK(data.at("versions").at("platen") == "1.2.3");
  CHECK(data.at("hypervisor") == "sim");
  CHECK(data.at("accelerator") == "none");
  CHECK(at.call("GET", "/v1/nothing", "", {{"Authorization", ""}}).status == 401);
}

TEST_CASE("an unknown route is 404 in the envelope, whatever the method") {
  fixture at;
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const auto told = at.call(method, "/v1/volumes", method == "GET" ? "" : "{}");
    CHECK(told.status == 404);
    CHECK(told.message() == "no route for " + method + " /v1/volumes");
    CHECK(told.body.at("errors").at(0).at("status") == 404);
  }
}

TEST_CASE("the client's request id comes back and becomes the cause; bad ones are replaced") {
  fixture at;
  const std::string body = R"({"image":"demo"})";
  const auto told = at.call("POST", "/v1/instances", body, {{"X-Request-Id", "build-17.a_b"}});
  CHECK(told.header("x-request-id") == "build-17.a_b");
  CHECK(at.control.causes().at(0).request_id == "build-17.a_b");
  const auto replaced = at.call("GET", "/v1/instances", "", {{"X-Request-Id", "a b"}});
  CHECK(replaced.header("x-request-id").size() == 36);
  const auto none = at.get("/v1/nothing");
  CHECK(none.header("x-request-id").size() == 36);
}

TEST_CASE("bodies of GET requests are read and the connection goes on") {
  fixture at;
  at.instance("a", instance_phase::running);
  raw_connection connection(at);
  const auto body = std::string(R"([{"name":"a"}])");
  connection.send(request_text("GET /v1/instances HTTP/1.1", "", body) +
                  request_text("GET /v1/healthz HTTP/1.1", "Connection: close\r\n"));
  const auto both = connection.receive();
  CHECK(both.find(R"("name":"a")") != std::string::npos);
  CHECK(both.find(R"("versions")") != std::string::npos);
}

TEST_CASE("a POST without a body is answered at once") {
  fixture at;
  raw_connection connection(at);
  connection.send(request_text("POST /v1/instances HTTP/1.1"));
  const auto told = connection.receive("op_time_us");
  CHECK(told.find("400 Bad Request") != std::string::npos);
  CHECK(told.find("must describe an instance") != std::string::npos);
}

TEST_CASE("a body sent as a form, as curl does by default, is read as JSON") {
  fixture at;
  const std::string body = R"({"image":"demo","env":{"A":"x=1&y=2"}})";
  const auto told = at.call("POST", "/v1/instances", body,
                            {{"Content-Type", "application/x-www-form-urlencoded"}});
  CHECK(told.status == 200);
  CHECK(at.control.creates().at(0).spec.env.at(0).value == "x=1&y=2");
}

TEST_CASE("chunked JSON bodies are read") {
  fixture at;
  raw_connection connection(at);
  connection.send(request_text("POST /v1/instances HTTP/1.1", "Transfer-Encoding: chunked\r\n") +
                  "8\r\n{\"image\"\r\n8\r\n:\"demo\"}\r\n0\r\n\r\n");
  const auto told = connection.receive();
  CHECK(told.find("200 OK") != std::string::npos);
  CHECK(told.find("Connection: close") != std::string::npos);
  CHECK(at.control.creates().size() == 1);
}

TEST_CASE("P8: bodies beyond the limit are refused with 413, announced or chunked") {
  platen::http::limits bounds;
  bounds.body_bytes = 10'000;
  fixture at(bounds);
  const auto filler = std::string(20'000, ' ');
  const auto told = at.call("POST", "/v1/instances", filler + R"({"image":"demo"})");
  CHECK(told.status == 413);
  CHECK(told.message().find("limit of 10000") != std::string::npos);

  raw_connection connection(at);
  connection.send(request_text("POST /v1/instances HTTP/1.1", "Transfer-Encoding: chunked\r\n"));
  for (int i = 0; i < 20; ++i)
    connection.send("3e8\r\n" + std::string(1000, ' ') + "\r\n");
  CHECK(connection.receive("\r\n").find("413") != std::string::npos);
  CHECK(at.control.creates().empty());
}

TEST_CASE("a body of exactly the limit is accepted") {
  platen::http::limits bounds;
  bounds.body_bytes = 10'000;
  fixture at(bounds);
  std::string body = R"({"image":"demo"})";
  body.append(10'000 - body.size(), ' ');
  CHECK(at.call("POST", "/v1/instances", body).status == 200);
}

TEST_CASE("ambiguous framing is refused and the connection closed") {
  fixture at;
  for (const std::string headers :
       {"Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: -1\r\n",
        "Content-Length: 2x\r\n", "Transfer-Encoding: gzip\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"}) {
    raw_connection connection(at);
    connection.send(request_text("POST /v1/instances HTTP/1.1", headers));
    const auto told = connection.receive();
    INFO(headers);
    CHECK(told.find("HTTP/1.1 400") == 0);
    CHECK(told.find("Content-Length") != std::string::npos);
    CHECK(told.find("Connection: close") != std::string::npos);
  }
}

TEST_CASE("the body of a refused request is never taken for the next request") {
  fixture at;
  raw_connection connection(at);
  const auto hidden = request_text("GET /v1/healthz HTTP/1.1");
  connection.send("POST /v1/instances HTTP/1.1\r\nHost: test\r\nContent-Length: " +
                  std::to_string(hidden.size()) + "\r\n\r\n" + hidden);
  const auto told = connection.receive();
  CHECK(told.find("HTTP/1.1 401") == 0);
  CHECK(told.find("versions") == std::string::npos);
}

TEST_CASE("compressed bodies are refused") {
  fixture at;
  const auto told = at.call("POST", "/v1/instances", "{}", {{"Content-Encoding", "gzip"}});
  CHECK(told.status == 415);
}

TEST_CASE("what is not HTTP is answered 400 in the envelope and closed") {
  fixture at;
  raw_connection connection(at);
  connection.send("hello there\r\n\r\n");
  const auto told = connection.receive();
  CHECK(told.find("HTTP/1.1 400") == 0);
  CHECK(told.find(R"("status":"error")") != std::string::npos);
}

TEST_CASE("P8: heads beyond the limit end the connection") {
  fixture at;
  raw_connection connection(at);
  connection.send("GET /v1/healthz HTTP/1.1\r\n");
  for (int i = 0; i < 2000; ++i)
    connection.send("X-Filler: " + std::string(100, 'a') + "\r\n");
  connection.send("\r\n");
  const auto told = connection.receive();
  CHECK(told.find("200 OK") == std::string::npos);
}

TEST_CASE("a handler's exception is an envelope without its text, and is reported") {
  fixture at;
  at.control.throw_next("the secret inner state");
  const auto told = at.get("/v1/instances");
  CHECK(told.status == 500);
  CHECK(told.body.at("errors").at(0).at("status") == 500);
  CHECK_FALSE(told.mentions("secret inner"));
  CHECK(told.headers.count("exception_what") == 0);
  REQUIRE(at.faults.size() == 1);
  CHECK(at.faults[0].find("secret inner state") != std::string::npos);
  CHECK(at.faults[0].find(told.header("x-request-id")) != std::string::npos);
}

TEST_CASE("bodies must be JSON, not too deep, and name no member twice") {
  fixture at;
  const auto told = at.call("POST", "/v1/instances", "{\"image\":");
  CHECK(told.status == 400);
  CHECK(told.message().find("is not valid JSON") != std::string::npos);
  CHECK(at.call("POST", "/v1/instances", std::string(100'000, '[')).message().find("deeper") !=
        std::string::npos);
  CHECK(at.call("POST", "/v1/instances", R"({"image":"a","image":"b"})").message().find("twice") !=
        std::string::npos);
  CHECK(at.call("POST", "/v1/instances", "[]").status == 400);
  CHECK(at.call("POST", "/v1/instances", "7").status == 400);
  CHECK(at.call("POST", "/v1/instances", "[7]").status == 400);
  CHECK(at.call("POST", "/v1/instances", "{\"image\":\"\xff\"}").status == 400);
}

TEST_CASE("a server does not start without a token or on a taken port") {
  fixture at;
  platen::http::options how;
  how.spool_directory = at.folder / "tmp";
  const platen::http::dependencies on{at.control, at.log, at.images, at.roms};
  CHECK_FALSE(platen::http::server::start(how, on));
  how.tokens = {{"two words", ""}};
  CHECK_FALSE(platen::http::server::start(how, on));
  how.tokens = {{"fine", ""}};
  how.port = at.server->port();
  const auto taken = platen::http::server::start(how, on);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().find("port " + std::to_string(how.port)) != std::string::npos);
}
