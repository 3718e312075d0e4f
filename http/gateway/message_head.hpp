// Heads of HTTP/1.1 messages, read strictly: what two servers could understand in two ways is
// refused, because that is how requests are smuggled. Pure; text is referred to, not copied.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace platen::gateway {

struct header {
  std::string_view name;
  std::string_view value;  // without surrounding blanks
};

// How the end of a body is found.
struct framing {
  enum class kind { none, length, chunked, until_close };
  kind how = kind::none;
  std::uint64_t length = 0;
};

struct request_head {
  std::string_view method;
  std::string_view target;     // in origin form, or "*"
  std::string_view authority;  // Host, or that of an absolute target; as it came
  int minor = 1;               // HTTP/1.minor, 0 or 1
  std::vector<header> headers;
  framing body;
  bool keep_alive = true;
  bool expects_continue = false;
  bool upgrade = false;  // asks to go on in another protocol
};

struct response_head {
  int status = 0;
  std::string_view reason;
  int minor = 1;
  std::vector<header> headers;
  framing body;
  bool keep_alive = true;
};

// What is to be answered, and why.
struct fault {
  int status = 400;
  std::string why;
};

// One past the head's blank line; 0: it is not there yet. `from`: what was searched before.
std::size_t find_head_end(std::string_view bytes, std::size_t from);

// `bytes` is a whole head with its blank line, and must outlive the result.
tl::expected<request_head, fault> parse_request(std::string_view bytes);
// `method` is that of the request: it decides whether a body follows.
tl::expected<response_head, fault> parse_response(std::string_view bytes, std::string_view method);

bool equal_ignoring_case(std::string_view a, std::string_view b);

// True if a comma-separated value has the token, in any case.
bool has_token(std::string_view list, std::string_view token);

// Lower case, without port and final dot; empty where it is not a host name or address.
std::string host_of(std::string_view authority);

// May be sent twice without doing twice (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method);

}  // namespace platen::gateway
