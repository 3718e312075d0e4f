#include "http/routes/admission.hpp"

#include <strings.h>

#include <charconv>

#include "http/routes/image_import.hpp"

namespace platen::http {
namespace {

constexpr std::size_t request_path_limit = 512;

struct framing {
  bool valid = true;
  bool chunked = false;
  std::uint64_t length = 0;
  bool has_body() const { return chunked || length > 0; }
};

// Stricter than the library, which takes the first of several lengths and ignores an encoding it
// does not know: a proxy in front could see another end of the request than it does.
framing framing_of(const httplib::Request& request) {
  framing found;
  const auto lengths = request.get_header_value_count("Content-Length");
  const auto encodings = request.get_header_value_count("Transfer-Encoding");
  found.valid = lengths + encodings <= 1;
  if (lengths == 1) {
    const auto text = request.get_header_value("Content-Length");
    const auto* last = text.data() + text.size();
    const auto [end, code] = std::from_chars(text.data(), last, found.length);
    found.valid &= code == std::errc{} && end == last;
  }
  if (encodings == 1) {
    const auto encoding = request.get_header_value("Transfer-Encoding");
    found.chunked = ::strcasecmp(encoding.c_str(), "chunked") == 0;
    found.valid &= found.chunked;
  }
  return found;
}

bool is_upload(const httplib::Request& request) {
  return request.method == "POST" && request.path == image_import_path;
}

bool is_open(const httplib::Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  return reads && (request.path == "/v1/healthz" || request.path == "/v1/openapi.json");
}

body_bound bound_of(const limits& bounds, const httplib::Request& request) {
  if (is_upload(request)) return {bounds.image_upload_bytes, std::nullopt, bounds.upload_stall};
  return {bounds.body_bytes, bounds.request_body, {}};
}

// A chunk's size and line ends are not content, but pass through the stream as well.
std::uint64_t with_chunk_overhead(std::uint64_t bytes) {
  return bytes + bytes / 16 + 4096;
}

void strip(httplib::Request& request) {
  request.ranges.clear();
  for (const auto* name : {"Range", "Content-Type", "Accept-Encoding"})
    request.headers.erase(name);
}

void close_afterwards(httplib::Request& request, stream& connection) {
  connection.close_after_answer();
  request.headers.erase("Connection");
  request.set_header("Connection", "close");
}

std::optional<request_error> check_body(api& with, const httplib::Request& request,
                                        const framing& body, exchange& current) {
  const auto encoding = request.get_header_value("Content-Encoding");
  if (!encoding.empty() && encoding != "identity")
    return request_error{415,
                         "the Content-Encoding '" + encoding +
                             "' is not supported: send the "
                             "body as it is",
                         {}};
  const auto bound = bound_of(with.how.bounds, request);
  if (body.length > bound.bytes)
    return request_error{413,
                         "the request body has " + std::to_string(body.length) +
                             " bytes, more than the limit of " + std::to_string(bound.bytes),
                         {}};
  if (is_upload(request)) return std::nullopt;
  auto memory = with.body_memory.try_take(body.chunked ? bound.bytes : body.length);
  if (!memory)
    return request_error{503, "too many large requests at the same time: try again later", 1};
  current.holds(*std::move(memory));
  return std::nullopt;
}

std::optional<request_error> check(api& with, const token_set& tokens,
                                   const httplib::Request& request, const route_table::match& to,
                                   const framing& body, exchange& current) {
  if (!body.valid)
    return request_error{400,
                         "the request must have one valid Content-Length, or one "
                         "Transfer-Encoding that is 'chunked', or neither",
                         {}};
  if (request.path.size() > request_path_limit)
    return request_error{
        414,
        "the request's path is longer than " + std::to_string(request_path_limit) + " bytes",
        {}};
  if (!is_open(request)) {
    auto who = tokens.caller_of(request.get_header_value("Authorization"));
    if (!who)
      return request_error{
          401, "a valid token is required: send 'Authorization: Bearer <token>'", {}};
    current.authenticated(*std::move(who));
    const bool for_operators = to.to != nullptr && to.to->open_to == audience::operators;
    if (for_operators && !current.scope().empty())
      return request_error{403,
                           "this is about the whole host, and the token belongs to the scope '" +
                               current.scope() + "': it takes the operator's token",
                           {}};
  }
  return check_body(with, request, body, current);
}

}  // namespace

std::optional<request_error> admit(api& with, const token_set& tokens, httplib::Request& request,
                                   const route_table::match& to, stream& connection,
                                   exchange& current) {
  current.begin(request.get_header_value("X-Request-Id"));
  strip(request);
  const auto body = framing_of(request);
  auto bound = bound_of(with.how.bounds, request);
  if (body.chunked) bound.bytes = with_chunk_overhead(bound.bytes);
  connection.begin_body(bound);
  auto refused = check(with, tokens, request, to, body, current);
  // The end of a chunked body is known to the library only.
  if (body.chunked || !body.valid || (refused && body.has_body()))
    close_afterwards(request, connection);
  return refused;
}

}  // namespace platen::http
