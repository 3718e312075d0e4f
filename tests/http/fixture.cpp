#include "fixture.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cctype>

#include "conformance.hpp"

namespace platen::testing {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::filesystem::path make_folder() {
  auto pattern = (std::filesystem::temp_directory_path() / "platen-http-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  return pattern;
}

// Chunked bodies of error answers do not occur: answers have a length or end with the connection.
answer parse(const std::string& text) {
  answer parsed;
  const auto head_end = text.find("\r\n\r\n");
  REQUIRE(head_end != std::string::npos);
  parsed.status = std::stoi(text.substr(9, 3));
  auto at = text.find("\r\n") + 2;
  while (at < head_end) {
    const auto end = text.find("\r\n", at);
    const auto colon = text.find(": ", at);
    parsed.headers.emplace(lower(text.substr(at, colon - at)),
                           text.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
  parsed.text = text.substr(head_end + 4);
  parsed.body = json::parse(parsed.text, nullptr, false);
  if (parsed.body.is_discarded()) parsed.body = nullptr;
  return parsed;
}

}  // namespace

fixture::fixture(http::limits bounds) : folder(make_folder()) {
  auto& how = how_;
  how.tokens = {{token, ""}, {"another-token", ""}};
  how.spool_directory = folder / "tmp";
  how.version = "1.2.3";
  how.hypervisor = "sim";
  how.accelerator = "none";
  how.bounds = bounds;
  how.report_fault = [this](const std::string& line) { faults.push_back(line); };
  how.warm_pool = [this] { return pool; };
  restart();
}

void fixture::restart() {
  server.reset();
  control.allow_waits();
  auto started = http::server::start(how_, {control, readable_, images, roms});
  REQUIRE(started);
  server = *std::move(started);
}

store::result<void> archived_log::read_stream_records(const std::string& stream,
                                                      std::uint64_t after_version,
                                                      const record_visitor& visit) const {
  bool gone = false;
  const auto read =
      of_.read_stream_records(stream, after_version, [&](const auto& event, auto record) {
        gone = event.sequence <= gone_;
        return !gone && visit(event, record);
      });
  if (gone) return tl::unexpected(store::error{store::error::kind::corrupt, "archived"});
  return read;
}

store::result<void> archived_log::read_records(std::uint64_t after_sequence,
                                               const record_visitor& visit) const {
  if (after_sequence < gone_)
    return tl::unexpected(store::error{store::error::kind::corrupt, "archived"});
  return of_.read_records(after_sequence, visit);
}

fixture::~fixture() {
  server.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

answer fixture::call(const std::string& method, const std::string& target, const std::string& body,
                     std::map<std::string, std::string> headers) const {
  headers.try_emplace("Authorization", "Bearer " + token);
  if (!body.empty()) headers.try_emplace("Content-Length", std::to_string(body.size()));
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers)
    if (!value.empty()) text += name + ": " + value + "\r\n";
  raw_connection connection(*this);
  connection.send(text + "\r\n" + body);
  auto answered = parse(connection.receive());
  // Every answer that any test gets is held against the documentation.
  if (const auto problem = conformance::of_the_api().problem_with(method, target, body, answered))
    FAIL(*problem);
  return answered;
}

std::string fixture::instance(const std::string& name, instance_phase phase) {
  const auto made = post("/v1/instances", {{"name", name}, {"image", "demo"}});
  REQUIRE(made.body.at("status") == "success");
  control.enter(name, phase);
  return made.item().at("uuid");
}

std::string fixture::prepared_template(const std::string& name, template_phase phase) {
  const json body = {
      {"name", "for-" + name},
      {"timeout_s", 0},
      {"template", {{"name", name}, {"prepare", true}, {"create_args", {{"image", "demo"}}}}}};
  REQUIRE(post("/v1/instances", body).body.at("status") == "success");
  control.enter_template(name, phase);
  return control.find_template({"", name})->id;
}

void fixture::append_event(const std::string& stream, std::uint64_t version_before) {
  store::append_request request;
  request.stream = stream;
  request.expected_version = version_before;
  request.why = {"r1", "test", events::origin::system};
  request.time_us = 1'700'000'000'000'000;
  request.what.push_back(events::daemon_stopped{});
  log.append(std::move(request), [](store::result<store::appended> done) { REQUIRE(done); });
}

raw_connection::raw_connection(const fixture& to) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(to.server->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int result = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (result != 0) throw std::runtime_error("cannot connect");
  // So that a server that never answers fails the test instead of hanging it.
  const timeval patience{30, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

raw_connection::~raw_connection() {
  close();
}

void raw_connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void raw_connection::send(const std::string& bytes) const {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const auto count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;  // refused bodies are not read; the answer tells
    sent += static_cast<std::size_t>(count);
  }
}

std::string raw_connection::receive(const std::string& until) {
  std::array<char, 16 * 1024> buffer;
  while (true) {
    const auto found = until.empty() ? std::string::npos : received_.find(until);
    if (found != std::string::npos) {
      auto part = received_.substr(0, found + until.size());
      received_.erase(0, part.size());
      return part;
    }
    const auto count = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (count <= 0) return std::exchange(received_, "");
    received_.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string request_text(const std::string& line, const std::string& more_headers,
                         const std::string& body) {
  auto text = line + "\r\nHost: test\r\nAuthorization: Bearer " + token + "\r\n" + more_headers;
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

}  // namespace platen::testing
