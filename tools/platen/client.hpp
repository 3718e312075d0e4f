// The daemon's API, as far as the commands need it: JSON requests whose envelope is already
// checked, streams of lines, and uploads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/platen/outcome.hpp"

namespace httplib {
class Client;
}

namespace platen::cli {

using json = nlohmann::json;

struct endpoint {
  std::string url;    // "http://HOST:PORT"
  std::string token;  // empty: none is sent
};

using query = std::multimap<std::string, std::string>;

enum class method { get, post, put, patch, remove };

// A response whose request as a whole was understood; single items may have failed.
struct reply {
  json data;  // the envelope's `data`, an object
  std::vector<std::string> warnings;
  bool timed_out = false;

  // data[list]; empty if it is not there.
  std::vector<json> items(const std::string& list) const;
};

// Not thread-safe, but stop() may be called from any thread.
class client {
 public:
  static result<client> connect(endpoint to);
  client(client&&) noexcept;
  ~client();

  // Waits for the response as long as it takes: creates block until a template is prepared. With an
  // idempotency key, a request whose connection was lost is sent once more.
  result<reply> send(method verb, const std::string& path, const query& parameters = {},
                     const std::optional<json>& body = std::nullopt,
                     const std::string& idempotency_key = {});

  // Calls `each` with every line of the response as it arrives; ends when it returns false, when
  // the daemon ends the response, or at stop(). `opened` is called before the first line, as soon
  // as the daemon has accepted the request.
  using line_visitor = std::function<bool(const std::string&)>;
  result<void> lines(const std::string& path, const query& parameters, const line_visitor& each,
                     const std::function<void()>& opened = nullptr);

  // `produce` writes the body piecewise with the function it is given, which returns false when
  // the connection is gone; it returns an error to give up.
  using writer = std::function<bool(const char* bytes, std::size_t size)>;
  using producer = std::function<tl::expected<void, std::string>(const writer&)>;
  result<reply> upload(const std::string& path, const query& parameters, const producer& produce);

  // Ends a request in progress on another thread.
  void stop();

 private:
  explicit client(endpoint to);
  failure unreachable(const std::string& reason) const;

  endpoint to_;
  std::unique_ptr<httplib::Client> http_;
};

// The failure an item of a reply carries, if it carries one.
std::optional<failure> failure_of(const json& item, bool timed_out);

}  // namespace platen::cli
