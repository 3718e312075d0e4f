// Many connections at the same time: what waits, what is turned away, and how the server stops.
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "fixture.hpp"
#include "http/connection/connection_pool.hpp"
#include "http/connection/request_bodies.hpp"

using namespace platen::testing;

namespace {

json waiting_create(const std::string& name) {
  return {{"name", name}, {"image", "demo"}, {"autostart", true}, {"timeout_s", -1}};
}

class many_creates {
 public:
  many_creates(const fixture& at, std::size_t count) : told_(count) {
    for (std::size_t i = 0; i < count; ++i)
      threads_.emplace_back([this, &at, i] {
        told_[i] = at.post("/v1/instances", waiting_create("i" + std::to_string(i)));
      });
  }
  const std::vector<answer>& join() {
    for (auto& thread : threads_)
      thread.join();
    threads_.clear();
    return told_;
  }

 private:
  std::vector<answer> told_;
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("bodies of GET requests reach handlers in this program") {
  const auto checked = platen::http::check_request_bodies();
  CHECK(checked);
}

TEST_CASE("200 creates wait and a GET is answered meanwhile") {
  fixture at;
  many_creates creates(at, 200);
  at.control.await_waiters(200);
  const auto listed = at.get("/v1/instances");
  CHECK(listed.status == 200);
  CHECK(listed.body.at("data").at("instances").size() == 200);
  CHECK(at.control.waiters() == 200);
  for (int i = 0; i < 200; ++i)
    at.control.enter("i" + std::to_string(i), instance_phase::running);
  for (const auto& told : creates.join()) {
    CHECK(told.status == 200);
    CHECK(told.item().at("state") == "running");
  }
}

TEST_CASE("P8: waiting requests beyond the limit get 503 and change nothing; others are served") {
  platen::http::limits bounds;
  bounds.waiting_requests = 2;
  fixture at(bounds);
  at.instance("other", instance_phase::booting);
  many_creates creates(at, 2);
  at.control.await_waiters(2);
  const auto told = at.post("/v1/instances", waiting_create("one-more"));
  CHECK(told.status == 503);
  CHECK(told.header("retry-after") == "1");
  CHECK(told.message().find("too many requests are waiting") == 0);
  CHECK(at.control.find_instance({"", "one-more"}) == nullptr);
  CHECK(at.get("/v1/instances/wait?name=other&timeout_s=-1").status == 503);
  CHECK(at.call("PUT", "/v1/instances/start", R"([{"name":"other","timeout_s":9}])").status == 503);
  CHECK(at.get("/v1/instances/wait?name=other").status == 200);
  CHECK(at.post("/v1/instances", {{"name", "quick"}, {"image", "demo"}}).status == 200);
  at.control.enter("i0", instance_phase::running);
  at.control.enter("i1", instance_phase::running);
  creates.join();
}

TEST_CASE("P8: waiting requests never take the last connections") {
  platen::http::limits bounds;
  bounds.connections = 4;
  bounds.waiting_requests = 100;
  fixture at(bounds);
  many_creates creates(at, 2);
  at.control.await_waiters(2);
  CHECK(at.post("/v1/instances", waiting_create("one-more")).status == 503);
  CHECK(at.get("/v1/instances").status == 200);
  at.control.enter("i0", instance_phase::running);
  at.control.enter("i1", instance_phase::running);
  creates.join();
}

TEST_CASE("P8: connections beyond the limit are answered 503 and closed") {
  platen::http::limits bounds;
  bounds.connections = 2;
  fixture at(bounds);
  raw_connection first(at);
  raw_connection second(at);
  for (auto* one : {&first, &second}) {
    one->send(request_text("GET /v1/events?follow=true HTTP/1.1"));
    CHECK(one->receive("\r\n\r\n").find("200 OK") != std::string::npos);
  }
  const auto told = at.get("/v1/instances");
  CHECK(told.status == 503);
  CHECK(told.header("retry-after") == "1");
  CHECK(told.message().find("too many connections") == 0);
}

TEST_CASE("stop ends waiting creates with 503 and what was created") {
  fixture at;
  many_creates creates(at, 20);
  at.control.await_waiters(20);
  at.server->stop();
  for (const auto& told : creates.join()) {
    CHECK(told.status == 503);
    CHECK(told.body.at("status") == "error");
    CHECK(told.message().find("daemon is stopping") != std::string::npos);
    CHECK(told.item().contains("uuid"));
    CHECK(told.item().at("state") == "starting");
  }
}

TEST_CASE("stop closes idle connections and half requests, and can be repeated") {
  fixture at;
  raw_connection idle(at);
  idle.send(request_text("GET /v1/healthz HTTP/1.1"));
  idle.receive("op_time_us");
  raw_connection half(at);
  half.send("GET /v1/hea");
  raw_connection half_body(at);
  half_body.send(request_text("POST /v1/instances HTTP/1.1", "Content-Length: 100\r\n") + "{");
  at.server->stop();
  at.server->stop();
  idle.receive();
  half.receive();
  half_body.receive();
  CHECK_THROWS(raw_connection(at));
}

TEST_CASE("P8: an idle connection is closed after its time") {
  platen::http::limits bounds;
  bounds.idle_connection = std::chrono::seconds(1);
  fixture at(bounds);
  raw_connection idle(at);
  idle.send(request_text("GET /v1/healthz HTTP/1.1"));
  CHECK(idle.receive().find("200 OK") != std::string::npos);
}

TEST_CASE("P8: a request that comes too slowly is given up") {
  platen::http::limits bounds;
  bounds.request_head = std::chrono::seconds(1);
  bounds.request_body = std::chrono::seconds(1);
  fixture at(bounds);
  raw_connection head(at);
  head.send("GET /v1/healthz HTTP/1.1\r\nHo");
  CHECK(head.receive().find("200 OK") == std::string::npos);
  raw_connection body(at);
  body.send(request_text("POST /v1/instances HTTP/1.1", "Content-Length: 100\r\n") + "{");
  CHECK(body.receive().find("HTTP/1.1 400") == 0);
}

TEST_CASE("several requests follow one another on one connection") {
  fixture at;
  raw_connection connection(at);
  for (int i = 0; i < 50; ++i) {
    connection.send(request_text("GET /v1/healthz HTTP/1.1"));
    CHECK(connection.receive("op_time_us").find("200 OK") != std::string::npos);
    connection.receive("}");
  }
}

TEST_CASE("a pool runs as many jobs as it may have threads, and refuses the next") {
  platen::http::connection_pool pool(2, std::chrono::seconds(10));
  std::mutex mutex;
  std::condition_variable changed;
  bool go = false;
  int done = 0;
  const auto job = [&] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return go; });
    ++done;
    changed.notify_all();
  };
  CHECK(pool.run(job));
  CHECK(pool.run(job));
  CHECK_FALSE(pool.run(job));
  CHECK(pool.threads() == 2);
  {
    std::unique_lock lock(mutex);
    go = true;
    changed.notify_all();
    changed.wait(lock, [&] { return done == 2; });
  }
  pool.shutdown();
  CHECK(pool.threads() == 0);
  CHECK_FALSE(pool.run(job));
}
