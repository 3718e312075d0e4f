// One request being served and its answer: what surrounds every handler.
#pragma once

#include <httplib.h>

#include <chrono>
#include <optional>
#include <string>

#include "events/envelope.hpp"
#include "http/connection/capacity.hpp"
#include "http/request/auth.hpp"
#include "http/request/envelope.hpp"
#include "http/request/route_table.hpp"

namespace platen::http {

// An answer as it is sent, and kept.
struct rendered_reply {
  int status = 200;
  std::string body;
  std::optional<int> retry_after_s;
  const char* content_type = "application/json";
  bool replayed = false;  // it is the answer to an earlier request with the same key
};

// Used by its connection's thread only.
class exchange {
 public:
  // The request the calling thread serves. The library's hooks have no other way to it.
  static exchange& of_this_thread();

  // Forgets the request before.
  void begin(std::string_view request_id_header);
  void authenticated(caller who) { caller_ = std::move(who); }
  void holds(capacity::lease body_memory) { body_memory_ = std::move(body_memory); }
  // It was not admitted: this is its answer.
  void refused(request_error why) { refusal_ = std::move(why); }
  const std::optional<request_error>& refusal() const { return refusal_; }
  // Where it goes; `path` is the request's own.
  void directed(route_table::match to, std::string path) {
    destination_ = std::move(to);
    path_ = std::move(path);
  }
  const route_table::match& destination() const { return destination_; }
  const std::string& path() const { return path_; }
  // Gives back what the request held.
  void end();

  const std::string& request_id() const { return request_id_; }
  events::cause cause() const { return {request_id_, caller_.principal, events::origin::api}; }
  // Of requests that need no token: the operator's own.
  const std::string& scope() const { return caller_.scope; }
  const caller& who() const { return caller_; }

  // With the time it took.
  rendered_reply render(reply what) const;
  static void send(httplib::Response& with, const rendered_reply& what);
  void answer(httplib::Response& with, reply what) const { send(with, render(std::move(what))); }

 private:
  std::string request_id_;
  caller caller_;
  std::chrono::steady_clock::time_point began_;
  std::optional<capacity::lease> body_memory_;
  std::optional<request_error> refusal_;
  route_table::match destination_;
  std::string path_;
};

}  // namespace platen::http
