// Bodies of GET requests, which clients of this API send and the HTTP library drops.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace platen::http {

// Proves on a request in memory that a GET's body reaches its handler and that a POST without a
// body is not waited for. The error is one sentence; the server must then not start.
tl::expected<void, std::string> check_request_bodies();

}  // namespace platen::http
