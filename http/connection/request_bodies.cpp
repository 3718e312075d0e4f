#include "http/connection/request_bodies.hpp"

#include <httplib.h>

#include <algorithm>
#include <cstring>

// The library (0.11.4) decides by the method whether a request has a body: a GET never has one,
// so its body would be taken for the next request, and a POST always has one, so without a
// Content-Length it reads until the client closes. RFC 9112 (section 6.3) decides by the headers.
// The library calls its predicate through the dynamic symbol table, where a definition in the
// program comes before the library's own; that is fragile, hence check_request_bodies().
namespace httplib::detail {

// Declared here because the library's public header does not.
bool expect_content(const Request& request);

bool expect_content(const Request& request) {
  if (request.has_header("Transfer-Encoding")) return true;
  const auto length = request.headers.find("Content-Length");
  return length != request.headers.end() && length->second != "0";
}

}  // namespace httplib::detail

namespace platen::http {
namespace {

class memory_stream : public httplib::Stream {
 public:
  explicit memory_stream(std::string input) : input_(std::move(input)) {}

  bool is_readable() const override { return at_ < input_.size(); }
  bool is_writable() const override { return true; }
  ssize_t read(char* ptr, size_t size) override {
    if (at_ == input_.size()) asked_for_more_ = true;
    const auto count = std::min(size, input_.size() - at_);
    std::memcpy(ptr, input_.data() + at_, count);
    at_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char*, size_t size) override { return static_cast<ssize_t>(size); }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }

  bool asked_for_more() const { return asked_for_more_; }

 private:
  std::string input_;
  std::size_t at_ = 0;
  bool asked_for_more_ = false;
};

class probe : public httplib::Server {
 public:
  probe() {
    const auto keep_body = [this](const httplib::Request& request, httplib::Response&) {
      reached_ = true;
      body_ = request.body;
    };
    Get("/", keep_body);
    Post("/", keep_body);
  }

  void process(memory_stream& with) {
    bool closed = false;
    process_request(with, true, closed, nullptr);
  }

  bool reached() const { return reached_; }
  const std::string& body() const { return body_; }

 private:
  bool reached_ = false;
  std::string body_;
};

bool get_body_arrives() {
  probe server;
  memory_stream stream("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n[]");
  server.process(stream);
  return server.reached() && server.body() == "[]";
}

bool post_without_body_is_complete() {
  probe server;
  memory_stream stream("POST / HTTP/1.1\r\nHost: a\r\n\r\n");
  server.process(stream);
  return server.reached() && !stream.asked_for_more();
}

}  // namespace

tl::expected<void, std::string> check_request_bodies() {
  if (get_body_arrives() && post_without_body_is_complete()) return {};
  return tl::unexpected<std::string>(
      "the HTTP library ignores this program's rule for request bodies: link it dynamically and "
      "without -Bsymbolic, see http/connection/request_bodies.cpp");
}

}  // namespace platen::http
