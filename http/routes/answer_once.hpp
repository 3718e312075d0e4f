// Requests with an Idempotency-Key: carried out once, answered the same for ever.
#pragma once

#include <functional>
#include <string>

#include "http/request/exchange.hpp"
#include "http/routes/api.hpp"

namespace platen::http {

// The parts of a request that a repetition must have in common with it.
struct keyed_request {
  std::string key;
  std::string method;
  std::string target;
  std::string body_sha256;  // lower-case hex
};

// Carries a request out, with the cause its events are to have.
using keyed_handler = std::function<answer_or_error<reply>(const keyed_run&, const events::cause&)>;

// The kept answer if there is one; 422 if the key belongs to another request; else the answer of
// `serve`, which is durable when this returns unless it is one that asks for a repetition (429 or
// 5xx). Waits for a run that is under way; 409 if there is no place to wait.
rendered_reply answer_once(api& with, const exchange& current, const keyed_request& asked,
                           const keyed_handler& serve);

}  // namespace platen::http
