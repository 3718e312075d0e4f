// What every request passes before its handler: framing, authentication and size.
#pragma once

#include <httplib.h>

#include "http/connection/stream.hpp"
#include "http/request/auth.hpp"
#include "http/request/exchange.hpp"
#include "http/routes/api.hpp"

namespace platen::http {

// Begins the exchange, takes from the request what the library would act upon and this API does
// not have (ranges, forms, compression), bounds the body, and decides whether the request may go
// on. The error is its answer; a body is then not read and the connection is closed.
std::optional<request_error> admit(api& with, const token_set& tokens, httplib::Request& request,
                                   const route_table::match& to, stream& connection,
                                   exchange& current);

}  // namespace platen::http
