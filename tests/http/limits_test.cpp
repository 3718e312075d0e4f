// What a client can make grow or keep busy, beyond its limit. Limits of single resources are in the
// tests of those: search for "P8:".
#include <catch2/catch.hpp>
#include <thread>

#include "fixture.hpp"

using namespace platen;
using namespace platen::testing;

namespace {

json waiting_create(const std::string& name) {
  return {{"name", name}, {"image", "demo"}, {"autostart", true}, {"timeout_s", -1}};
}

}  // namespace

TEST_CASE("P8: a client that leaves gives its waiting place back, and nothing is undone") {
  http::limits bounds;
  bounds.waiting_requests = 1;
  fixture at(bounds);
  {
    raw_connection leaving(at);
    leaving.send(request_text("POST /v1/instances HTTP/1.1", "", waiting_create("a").dump()));
    at.control.await_waiters(1);
  }
  at.control.await_no_waiters();
  REQUIRE(at.control.find_instance({"", "a"}));
  CHECK(at.control.find_instance({"", "a"})->phase == instance_phase::waiting_for_template);
  at.control.enter("a", instance_phase::running);
  // The place is free once the request has ended; each attempt is a request of its own.
  answer told;
  do {
    told = at.get("/v1/instances/wait?name=a&timeout_s=-1");
  } while (told.status == 503);
  CHECK(told.item().at("state") == "running");
}

TEST_CASE("P8: a client that leaves ends its wait for a template and for a state as well") {
  fixture at;
  at.instance("b", instance_phase::booting);
  const json prepares = {
      {"name", "a"},
      {"template", {{"name", "t"}, {"prepare", true}, {"create_args", {{"image", "demo"}}}}}};
  {
    raw_connection create(at);
    create.send(request_text("POST /v1/instances HTTP/1.1", "", prepares.dump()));
    raw_connection wait(at);
    wait.send(request_text("GET /v1/instances/wait?name=b&timeout_s=-1 HTTP/1.1"));
    raw_connection start(at);
    start.send(
        request_text("PUT /v1/instances/start HTTP/1.1", "", R"([{"name":"b","timeout_s":-1}])"));
    at.control.await_waiters(3);
  }
  at.control.await_no_waiters();
  CHECK(at.control.find_template({"", "t"})->phase == template_phase::preparing);
}

TEST_CASE("P8: a client that waits and goes on sending is not taken for one that left") {
  fixture at;
  raw_connection client(at);
  client.send(request_text("POST /v1/instances HTTP/1.1", "", waiting_create("a").dump()) +
              request_text("GET /v1/healthz HTTP/1.1"));
  at.control.await_waiters(1);
  at.control.enter("a", instance_phase::running);
  CHECK(client.receive("op_time_us").find(R"("state":"running")") != std::string::npos);
  CHECK(client.receive("op_time_us").find("checks") != std::string::npos);
}

TEST_CASE("P8: bodies in memory are bounded together, one more is told to come later") {
  http::limits bounds;
  bounds.body_bytes = 200'000'000;
  fixture at(bounds);
  raw_connection large(at);
  large.send(request_text("POST /v1/instances HTTP/1.1",
                          "Content-Length: 200000000\r\nExpect: 100-continue\r\n"));
  CHECK(large.receive("\r\n\r\n").find("100 Continue") != std::string::npos);
  // The bound is 256 MiB for all of them.
  const auto told = at.call("POST", "/v1/instances", "{", {{"Content-Length", "100000000"}});
  CHECK(told.status == 503);
  CHECK(told.header("retry-after") == "1");
  CHECK(told.message() == "too many large requests at the same time: try again later");
  CHECK(at.post("/v1/instances", {{"image", "demo"}}).status == 200);
}

TEST_CASE("P8: image uploads are bounded, one more is told to come later") {
  http::limits bounds;
  bounds.image_uploads = 1;
  fixture at(bounds);
  raw_connection first(at);
  first.send(request_text("POST /v1/images/import?name=a HTTP/1.1",
                          "Content-Length: 10\r\nExpect: 100-continue\r\n"));
  CHECK(first.receive("\r\n\r\n").find("100 Continue") != std::string::npos);
  first.send("x");
  // The place is taken when the upload's first byte is waited for.
  answer told;
  do {
    told = at.call("POST", "/v1/images/import?name=b", "x");
  } while (told.status == 200);
  CHECK(told.status == 429);
  CHECK(told.header("retry-after") == "10");
  first.send("123456789");
  CHECK(first.receive("op_time_us").find("200 OK") != std::string::npos);
}

TEST_CASE("P8: items, references, parameters and depth of a request are bounded") {
  fixture at;
  const json item{{"image", "demo"}};
  const auto items = at.post("/v1/instances", std::vector<json>(257, item));
  CHECK(items.status == 400);
  CHECK(items.message() == "the request body has more than 256 items");
  std::string names = "name=a";
  for (int i = 0; i < 256; ++i)
    names += "&name=a";
  CHECK(at.call("DELETE", "/v1/instances?" + names).message() ==
        "the query names more than 256 targets");
  std::string parameters = "a=1";
  for (int i = 0; i < 512; ++i)
    parameters += "&a=1";
  CHECK(at.get("/v1/events?" + parameters).message() == "the query has more than 512 parameters");
  std::string streams = "stream=a/b";
  for (int i = 0; i < 256; ++i)
    streams += ",a/b";
  CHECK(at.get("/v1/events?" + streams).message() ==
        "the query parameter 'stream' has more than 256 values");
  CHECK(at.get("/v1/" + std::string(600, 'a')).status == 414);
  CHECK(at.call("POST", "/v1/instances", std::string(40, '[')).status == 400);
  CHECK(at.control.creates().empty());
}
