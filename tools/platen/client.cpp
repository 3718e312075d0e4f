#include "tools/platen/client.hpp"

#include <httplib.h>

#include <utility>

namespace platen::cli {
namespace {

// httplib counts its read timeout in milliseconds in an int; this is about its longest.
constexpr std::time_t patient_seconds = 2'000'000;
constexpr std::time_t connect_seconds = 10;

std::string message_of(const json& envelope) {
  return envelope.value("message", std::string("the daemon gave no reason"));
}

exit_code code_of_status(int status) {
  if (status == 401 || status == 403) return exit_code::unauthorised;
  if (status == 400 || status == 413 || status == 422) return exit_code::usage;
  return exit_code::failed;
}

failure refused(int status, const std::string& body) {
  const auto envelope = json::parse(body, nullptr, false);
  auto message = envelope.is_object() ? message_of(envelope)
                                      : "the daemon answered HTTP " + std::to_string(status);
  if (status == 401)
    message += "; set PLATEN_TOKEN, or name the daemon's data directory with --data";
  return {code_of_status(status), std::move(message)};
}

std::vector<std::string> warnings_of(const json& envelope) {
  std::vector<std::string> texts;
  for (const auto& warning : envelope.value("warnings", json::array()))
    texts.push_back(warning.is_string() ? warning.get<std::string>() : message_of(warning));
  return texts;
}

result<reply> read(const httplib::Response& response) {
  if (response.status != 200) return tl::unexpected(refused(response.status, response.body));
  const auto envelope = json::parse(response.body, nullptr, false);
  if (!envelope.is_object())
    return fail(exit_code::failed, "the answer is not one of a Platen daemon");
  reply out;
  out.data = envelope.value("data", json::object());
  out.warnings = warnings_of(envelope);
  out.timed_out = envelope.value("message", std::string()).find("timed out") != std::string::npos;
  if (out.data.empty() && envelope.value("status", std::string()) == "error")
    return fail(exit_code::failed, message_of(envelope));
  return out;
}

std::string target(const std::string& path, const query& parameters) {
  return parameters.empty() ? path : httplib::append_query_params(path, parameters);
}

// The connection ended after the request began to be sent.
bool was_lost(const httplib::Result& response) {
  return response.error() == httplib::Error::Read || response.error() == httplib::Error::Write;
}

const char* verb_name(method verb) {
  switch (verb) {
    case method::get:
      return "GET";
    case method::post:
      return "POST";
    case method::put:
      return "PUT";
    case method::patch:
      return "PATCH";
    case method::remove:
      return "DELETE";
  }
  return "";
}

// Cuts a stream of chunks into lines.
class line_cutter {
 public:
  explicit line_cutter(const client::line_visitor& each) : each_(each) {}

  bool feed(const char* bytes, std::size_t size) {
    pending_.append(bytes, size);
    std::size_t begin = 0;
    for (auto end = pending_.find('\n'); end != std::string::npos;
         end = pending_.find('\n', begin)) {
      if (end > begin && !each_(pending_.substr(begin, end - begin))) return false;
      begin = end + 1;
    }
    pending_.erase(0, begin);
    return true;
  }

 private:
  const client::line_visitor& each_;
  std::string pending_;
};

}  // namespace

std::vector<json> reply::items(const std::string& list) const {
  const auto found = data.find(list);
  if (found == data.end() || !found->is_array()) return {};
  return {found->begin(), found->end()};
}

result<client> client::connect(endpoint to) {
  client made(std::move(to));
  if (!made.http_->is_valid())
    return fail(exit_code::usage,
                "'" + made.to_.url + "' is not a URL such as http://127.0.0.1:8480");
  return made;
}

client::client(endpoint to)
    : to_(std::move(to)), http_(std::make_unique<httplib::Client>(to_.url)) {
  http_->set_connection_timeout(connect_seconds);
  http_->set_read_timeout(patient_seconds);
  http_->set_write_timeout(patient_seconds);
  if (!to_.token.empty()) http_->set_bearer_token_auth(to_.token);
}

client::client(client&&) noexcept = default;
client::~client() = default;

failure client::unreachable(const std::string& reason) const {
  return {exit_code::unreachable, "cannot reach the daemon at " + to_.url + " (" + reason +
                                      "); start platend, or set PLATEN_URL to where it listens"};
}

result<reply> client::send(method verb, const std::string& path, const query& parameters,
                           const std::optional<json>& body, const std::string& idempotency_key) {
  httplib::Request request;
  request.method = verb_name(verb);
  request.path = target(path, parameters);
  request.set_header("Accept", "application/json");
  if (body) {
    request.body = body->dump();
    request.set_header("Content-Type", "application/json");
  }
  if (!idempotency_key.empty()) request.set_header("Idempotency-Key", idempotency_key);
  auto response = http_->send(request);
  // Whether it was carried out is not known, and with a key it does not matter.
  if (!idempotency_key.empty() && was_lost(response)) response = http_->send(request);
  if (!response) return tl::unexpected(unreachable(httplib::to_string(response.error())));
  return read(*response);
}

result<void> client::lines(const std::string& path, const query& parameters,
                           const line_visitor& each, const std::function<void()>& opened) {
  line_cutter cutter(each);
  int status = 0;
  std::string refusal;
  const auto response = http_->Get(
      target(path, parameters),
      [&](const httplib::Response& head) {
        status = head.status;
        if (status == 200 && opened) opened();
        return true;
      },
      [&](const char* bytes, std::size_t size) {
        if (status == 200) return cutter.feed(bytes, size);
        refusal.append(bytes, size);
        return true;
      });
  if (status == 0) return tl::unexpected(unreachable(httplib::to_string(response.error())));
  if (status != 200) return tl::unexpected(refused(status, refusal));
  if (!response && response.error() != httplib::Error::Canceled)
    return tl::unexpected(unreachable("the stream broke off"));
  return {};
}

result<reply> client::upload(const std::string& path, const query& parameters,
                             const producer& produce) {
  std::optional<std::string> fault;
  const auto provide = [&](std::size_t, httplib::DataSink& sink) {
    const auto done =
        produce([&](const char* bytes, std::size_t size) { return sink.write(bytes, size); });
    if (!done) {
      fault = done.error();
      return false;
    }
    sink.done();
    return true;
  };
  const auto response = http_->Post(target(path, parameters), provide, "application/x-tar");
  if (fault) return fail(exit_code::failed, *fault);
  if (!response) return tl::unexpected(unreachable(httplib::to_string(response.error())));
  return read(*response);
}

void client::stop() {
  http_->stop();
}

std::optional<failure> failure_of(const json& item, bool timed_out) {
  constexpr int not_found = 8;
  if (item.value("status", std::string()) != "error") return std::nullopt;
  failure out{exit_code::failed, message_of(item)};
  if (item.contains("error") && item["error"] == not_found) out.code = exit_code::not_found;
  if (timed_out && !item.contains("error")) {
    out.code = exit_code::timed_out;
    out.message = "timed out while " + item.value("name", std::string("it")) + " was " +
                  item.value("lifecycle", item.value("state", std::string("waiting"))) +
                  "; it goes on";
  }
  if (const auto detail = item.find("failure"); detail != item.end() && detail->is_object())
    out.console_tail = detail->value("console_tail", std::string());
  return out;
}

}  // namespace platen::cli
