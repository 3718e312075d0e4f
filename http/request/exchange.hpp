// One request being served and its answer: what surrounds every handler.
#pragma once

#include <httplib.h>

#include <chrono>
#include <optional>
#include <string>

#include "events/envelope.hpp"
#include "http/connection/capacity.hpp"
#include "http/request/envelope.hpp"

namespace platen::http {

// Used by its connection's thread only.
class exchange {
 public:
  // The request the calling thread serves. The library's hooks have no other way to it.
  static exchange& of_this_thread();

  // Forgets the request before.
  void begin(std::string_view request_id_header);
  void authenticated(std::string principal) { principal_ = std::move(principal); }
  void holds(capacity::lease body_memory) { body_memory_ = std::move(body_memory); }
  // It was not admitted: this is its answer.
  void refused(request_error why) { refusal_ = std::move(why); }
  const std::optional<request_error>& refusal() const { return refusal_; }
  // Gives back what the request held.
  void end();

  const std::string& request_id() const { return request_id_; }
  events::cause cause() const { return {request_id_, principal_, events::origin::api}; }

  // Sends it with the time it took and the request's id.
  void answer(httplib::Response& with, reply what) const;

 private:
  std::string request_id_;
  std::string principal_;
  std::chrono::steady_clock::time_point began_;
  std::optional<capacity::lease> body_memory_;
  std::optional<request_error> refusal_;
};

}  // namespace platen::http
