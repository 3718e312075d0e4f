#include "http/gateway/forwarding.hpp"

#include <algorithm>
#include <array>

namespace platen::gateway {

namespace {

bool is_one_of(std::string_view name, const auto& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view other) { return equal_ignoring_case(name, other); });
}

constexpr std::array<std::string_view, 8> of_one_connection{
    "connection", "keep-alive",        "proxy-connection", "te",
    "trailer",    "transfer-encoding", "upgrade",          "proxy-authenticate"};

// A client could make a backend believe these.
constexpr std::array<std::string_view, 6> set_by_gateway{
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "proxy", "expect"};

// The values of all Connection fields: names of further fields that concern one connection.
std::string named_by_connection(const std::vector<header>& headers) {
  std::string names;
  for (const auto& field : headers)
    if (equal_ignoring_case(field.name, "connection")) names += std::string(field.value) + ",";
  return names;
}

void add(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value).append("\r\n");
}

void add_coding(std::string& to, framing::kind how) {
  if (how == framing::kind::chunked) add(to, "Transfer-Encoding", "chunked");
}

std::string_view phrase_of(int status) {
  switch (status) {
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace

std::string forwarded_request(const request_head& head, const client_facts& client) {
  const auto named = named_by_connection(head.headers);
  std::string made;
  made.reserve(1024);
  made.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  if (!head.authority.empty()) add(made, "Host", head.authority);
  std::string forwarded_for;
  std::string_view upgrade_to;
  for (const auto& [name, value] : head.headers) {
    if (equal_ignoring_case(name, "x-forwarded-for")) forwarded_for.append(value).append(", ");
    if (equal_ignoring_case(name, "upgrade")) upgrade_to = value;
    // The framing is never dropped, whatever Connection names.
    const bool length = equal_ignoring_case(name, "content-length");
    const bool dropped = equal_ignoring_case(name, "host") || is_one_of(name, of_one_connection) ||
                         is_one_of(name, set_by_gateway) || (!length && has_token(named, name));
    if (!dropped) add(made, name, value);
  }
  add_coding(made, head.body.how);
  if (head.upgrade) {
    add(made, "Connection", "upgrade");
    add(made, "Upgrade", upgrade_to);
  }
  add(made, "X-Forwarded-For", forwarded_for + client.address);
  add(made, "X-Forwarded-Proto", client.tls ? "https" : "http");
  if (!head.authority.empty()) add(made, "X-Forwarded-Host", head.authority);
  return made.append("\r\n");
}

std::string forwarded_response(const response_head& head, delivery how, bool again, int minor) {
  const auto named = named_by_connection(head.headers);
  std::string made;
  made.reserve(1024);
  made.append("HTTP/1.1 ").append(std::to_string(head.status)).append(" ");
  made.append(head.reason).append("\r\n");
  const bool switching = head.status == 101;
  for (const auto& [name, value] : head.headers) {
    const bool length = equal_ignoring_case(name, "content-length");
    const bool kept = (switching && (equal_ignoring_case(name, "upgrade"))) ||
                      (!is_one_of(name, of_one_connection) && (length || !has_token(named, name)));
    if (kept) add(made, name, value);
  }
  if (switching) {
    add(made, "Connection", "upgrade");
    return made.append("\r\n");
  }
  const bool framed =
      head.body.how == framing::kind::chunked || head.body.how == framing::kind::until_close;
  if (framed && how == delivery::as_framed) add_coding(made, framing::kind::chunked);
  if (!again)
    add(made, "Connection", "close");
  else if (minor == 0)
    add(made, "Connection", "keep-alive");
  return made.append("\r\n");
}

std::string own_response(int status, std::string_view why, bool again, bool with_body,
                         std::string_view extra) {
  const auto body = std::string(why) + "\n";
  std::string made = "HTTP/1.1 " + std::to_string(status) + " ";
  made.append(phrase_of(status)).append("\r\n");
  add(made, "Content-Type", "text/plain; charset=utf-8");
  add(made, "Content-Length", std::to_string(body.size()));
  made += extra;
  if (!again) add(made, "Connection", "close");
  made.append("\r\n");
  return with_body ? made + body : made;
}

}  // namespace platen::gateway
