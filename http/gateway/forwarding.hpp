// The heads that the gateway sends: what came, without what concerned only the one connection, with
// what the other side must know. Pure.
#pragma once

#include <string>

#include "http/gateway/message_head.hpp"

namespace platen::gateway {

// Of the client's connection.
struct client_facts {
  std::string address;
  bool tls = false;
};

// The head of the request to the backend, which is asked to keep its connection open. Appends to
// X-Forwarded-For; replaces X-Forwarded-Proto and -Host. Expect is answered by the gateway itself.
std::string forwarded_request(const request_head& head, const client_facts& client);

// How the client gets the body.
enum class delivery {
  as_framed,  // with the response's own framing, or chunked where it had none
  until_close
};

// The head of the response to the client. `again`: its connection stays open.
std::string forwarded_response(const response_head& head, delivery how, bool again, int minor);

// A whole response of the gateway's own. `extra`: header lines, each with its CR LF.
std::string own_response(int status, std::string_view why, bool again, bool with_body,
                         std::string_view extra = "");

}  // namespace platen::gateway
