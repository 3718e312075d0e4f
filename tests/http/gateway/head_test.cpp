#include <catch2/catch.hpp>

#include "http/gateway/chunk_decoder.hpp"
#include "http/gateway/forwarding.hpp"

using namespace platen::gateway;

namespace {

int status_of(const std::string& head) {
  const auto parsed = parse_request(head);
  return parsed ? 200 : parsed.error().status;
}

std::string with(const std::string& headers) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n";
}

}  // namespace

TEST_CASE("What two servers could read in two ways is refused") {
  CHECK(status_of(with("Content-Length: 5\r\n")) == 200);
  CHECK(status_of(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")) == 400);
  CHECK(status_of(with("Content-Length: 5\r\nContent-Length: 5\r\n")) == 400);
  CHECK(status_of(with("Content-Length: 5, 5\r\n")) == 400);
  CHECK(status_of(with("Content-Length: +5\r\n")) == 400);
  CHECK(status_of(with("Content-Length: -5\r\n")) == 400);
  CHECK(status_of(with("Content-Length: 0x5\r\n")) == 400);
  CHECK(status_of(with("Content-Length:\r\n")) == 400);
  CHECK(status_of(with("Content-Length: 99999999999999999999999\r\n")) == 400);
  CHECK(status_of(with("Content-Length : 5\r\n")) == 400);
  CHECK(status_of(with("Transfer-Encoding: chunked\r\n")) == 200);
  CHECK(status_of(with("Transfer-Encoding: Chunked\r\n")) == 200);
  CHECK(status_of(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")) == 501);
  CHECK(status_of(with("Transfer-Encoding: gzip, chunked\r\n")) == 501);
  CHECK(status_of(with("Transfer-Encoding: xchunked\r\n")) == 501);
  CHECK(status_of(with("Transfer-Encoding\t: chunked\r\n")) == 400);
  CHECK(status_of(with(" Transfer-Encoding: chunked\r\n")) == 400);
  CHECK(status_of(with("X: a\nTransfer-Encoding: chunked\r\n")) == 400);
  CHECK(status_of(with("X: a\rb\r\n")) == 400);
  CHECK(status_of(with(std::string("X: a\0b\r\n", 9))) == 400);
  CHECK(status_of(with("X: a\r\n folded\r\n")) == 400);
  CHECK(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
}

TEST_CASE("A request names exactly one host") {
  CHECK(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.0\r\n\r\n") == 200);
  const std::string absolute = "GET http://b:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto parsed = parse_request(absolute);
  REQUIRE(parsed);
  CHECK(parsed->authority == "b:80");
  CHECK(parsed->target == "/x?y");
  CHECK(host_of("Demo.Test.:8443") == "demo.test");
  CHECK(host_of("a b") == "");
  CHECK(host_of("a:x") == "");
}

TEST_CASE("A malformed request line is refused") {
  CHECK(status_of("GET  / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET / HTTP/1.1 \r\nHost: a\r\n\r\n") == 505);
  CHECK(status_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == 505);
  CHECK(status_of("GET / x HTTP/1.1\r\nHost: a\r\n\r\n") == 505);
  CHECK(status_of("G@T / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("GET x HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
  CHECK(status_of("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n") == 501);
  CHECK(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") == 200);
}

TEST_CASE("A response's body ends as its request and status say") {
  const std::string measured = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  CHECK(parse_response(measured, "GET")->body.length == 5);
  CHECK(parse_response(measured, "HEAD")->body.how == framing::kind::none);
  const std::string open = "HTTP/1.1 200 OK\r\n\r\n";
  CHECK(parse_response(open, "GET")->body.how == framing::kind::until_close);
  const std::string unchanged = "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";
  CHECK(parse_response(unchanged, "GET")->body.how == framing::kind::none);
  CHECK(parse_response("HTTP/1.1 20 OK\r\n\r\n", "GET").error().status == 502);
  CHECK(parse_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                       "GET")
            .error()
            .status == 502);
}

TEST_CASE("Headers of one connection stay with it, and clients cannot forge those of the gateway") {
  const std::string bytes =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine, Content-Length\r\nX-Mine: 1\r\n"
      "Keep-Alive: 5\r\nTE: trailers\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n"
      "Forwarded: for=9.9.9.9\r\nContent-Length: 2\r\nX-Other: 2\r\n\r\n";
  const auto made = forwarded_request(*parse_request(bytes), {"1.2.3.4", false});
  CHECK(made ==
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nX-Other: 2\r\n"
        "X-Forwarded-For: 9.9.9.9, 1.2.3.4\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
        "\r\n");
}

TEST_CASE("Chunks are taken apart wherever the input is cut") {
  const std::string body = "5;x=1\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: 1\r\n\r\nrest";
  for (std::size_t cut = 1; cut < body.size(); ++cut) {
    chunk_decoder decoder;
    std::string pending;
    std::string data;
    for (std::size_t at = 0; at < body.size(); at += cut) {
      pending += body.substr(at, cut);
      while (!decoder.done()) {
        const auto step = decoder.next(pending);
        REQUIRE(step);
        data += step->data;
        pending.erase(0, step->used);
        if (step->used == 0) break;
      }
    }
    CHECK(decoder.done());
    CHECK(data == "hello world");
    CHECK(pending == "rest");
  }
}

TEST_CASE("Malformed chunks are refused") {
  const auto refused = [](std::string text) {
    chunk_decoder decoder;
    while (!decoder.done()) {
      const auto step = decoder.next(text);
      if (!step) return true;
      if (step->used == 0) return false;
      text.erase(0, step->used);
    }
    return false;
  };
  CHECK(refused("x\r\n"));
  CHECK(refused("\r\n"));
  CHECK(refused("-5\r\nhello\r\n"));
  CHECK(refused("0x5\r\nhello\r\n"));
  CHECK(refused("5\nhello\r\n0\r\n\r\n"));
  CHECK(refused("5\r\nhelloo\r\n"));
  CHECK(refused("fffffffffffffffff\r\n"));
  CHECK(refused(std::string(300, '0')));
  CHECK(refused("0\r\n" + std::string(9000, 'a')));
  CHECK_FALSE(refused("0\r\n\r\n"));
}
