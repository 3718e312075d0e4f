// A server on a free port with fakes behind it, and clients for it.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fake_control.hpp"
#include "fake_stores.hpp"
#include "http/server.hpp"
#include "store/memory_log.hpp"

namespace platen::testing {

using nlohmann::json;

struct answer {
  int status = 0;
  std::string text;
  json body;                                        // null if the text is no JSON
  std::multimap<std::string, std::string> headers;  // names in lower case

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  std::string message() const { return body.value("message", ""); }
  const json& item(std::size_t place = 0, const std::string& list = "instances") const {
    return body.at("data").at(list).at(place);
  }
  bool mentions(const std::string& part) const { return text.find(part) != std::string::npos; }
};

inline const std::string token = "secret-token";

// A log whose oldest events cannot be read, as after they were archived.
class archived_log : public store::event_log {
 public:
  explicit archived_log(store::event_log& of) : of_(of) {}
  void unreadable_up_to(std::uint64_t sequence) { gone_ = sequence; }

  void append(store::append_request request, append_callback done) override {
    of_.append(std::move(request), std::move(done));
  }
  store::result<void> read_stream_records(const std::string& stream, std::uint64_t after_version,
                                          const record_visitor& visit) const override;
  store::result<void> read_records(std::uint64_t after_sequence,
                                   const record_visitor& visit) const override;
  store::head newest() const override { return of_.newest(); }
  std::uint64_t subscribe(listener tell) override { return of_.subscribe(std::move(tell)); }
  void unsubscribe(std::uint64_t token) override { of_.unsubscribe(token); }

 private:
  store::event_log& of_;
  std::atomic<std::uint64_t> gone_{0};
};

class fixture {
 public:
  explicit fixture(http::limits bounds = {});
  ~fixture();

  answer call(const std::string& method, const std::string& target, const std::string& body = "",
              std::map<std::string, std::string> headers = {}) const;
  answer get(const std::string& target, const std::string& body = "") const {
    return call("GET", target, body);
  }
  answer post(const std::string& target, const json& body) const {
    return call("POST", target, body.dump());
  }
  // A plain instance, created and in the given phase.
  std::string instance(const std::string& name, instance_phase phase);
  // A template by way of an instance "for-<name>".
  std::string prepared_template(const std::string& name, template_phase phase);

  // The next server over what the first one leaves.
  void restart();
  // The same, with another factory.
  void use_factory(actors::factory_settings how) {
    how_.factory = std::move(how);
    restart();
  }
  void unreadable_up_to(std::uint64_t sequence) { readable_.unreadable_up_to(sequence); }

  void append_event(const std::string& stream, std::uint64_t version_before);

  fake_control control;
  store::memory_log log;
  fake_images images;
  fake_roms roms;
  std::filesystem::path folder;
  std::vector<std::string> faults;
  hypervisor::warm_pool_status pool;  // what the driver says; at first, that it keeps none
  std::unique_ptr<http::server> server;

 private:
  http::options how_;
  archived_log readable_{log};
};

// A connection on which the test writes every byte itself.
class raw_connection {
 public:
  explicit raw_connection(const fixture& to);
  ~raw_connection();
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  void send(const std::string& bytes) const;
  // Everything until the server closes, or until `end` was received.
  std::string receive(const std::string& until = "");
  void close();

 private:
  int fd_ = -1;
  std::string received_;
};

// "GET /v1/healthz HTTP/1.1" and so on, with a token and further lines.
std::string request_text(const std::string& line, const std::string& more_headers = "",
                         const std::string& body = "");

}  // namespace platen::testing
