#include "http/gateway/message_head.hpp"

#include <algorithm>
#include <charconv>

namespace platen::gateway {

namespace {

constexpr std::size_t most_headers = 128;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_token_character(char c) {
  return is_alphanumeric(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

// Visible characters, blanks and bytes of other encodings: no CR, LF, NUL or other control.
bool is_field_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte >= 0x20 && byte != 0x7f) || c == '\t';
  });
}

bool is_target_text(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

tl::unexpected<fault> refuse(std::string why, int status = 400) {
  return tl::make_unexpected(fault{status, std::move(why)});
}

// The part before `separator`, which is taken off `rest` as well.
std::string_view take_until(std::string_view& rest, std::string_view separator) {
  const auto at = rest.find(separator);
  const auto taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + separator.size());
  return taken;
}

tl::expected<std::vector<header>, fault> parse_headers(std::string_view rest) {
  std::vector<header> headers;
  headers.reserve(16);
  while (!rest.empty()) {
    const auto line = take_until(rest, "\r\n");
    if (line.empty()) break;
    if (headers.size() == most_headers) return refuse("too many header fields", 431);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return refuse("a header field's name is malformed");
    const auto value = trimmed(line.substr(colon + 1));
    if (!is_field_text(value)) return refuse("a header field's value has a control character");
    headers.push_back({line.substr(0, colon), value});
  }
  return headers;
}

// The version's minor number; -1: not HTTP/1.0 or HTTP/1.1.
int minor_of(std::string_view version) {
  if (version == "HTTP/1.1") return 1;
  if (version == "HTTP/1.0") return 0;
  return -1;
}

// What the headers say about the message as a whole.
struct message_facts {
  bool has_length = false;
  std::uint64_t length = 0;
  bool has_coding = false;
  bool close = false;
  bool keep_alive = false;
  bool connection_upgrade = false;
  bool upgrade = false;
  bool expects_continue = false;
  std::size_t hosts = 0;
  std::string_view host;
};

tl::expected<void, fault> note_length(message_facts& into, std::string_view value) {
  std::uint64_t length = 0;
  const auto* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (value.empty() || error != std::errc{} || stop != end)
    return refuse("Content-Length is not a number");
  if (into.has_length) return refuse("Content-Length is given more than once");
  into.has_length = true;
  into.length = length;
  return {};
}

tl::expected<void, fault> note_coding(message_facts& into, std::string_view value) {
  if (into.has_coding || !equal_ignoring_case(value, "chunked"))
    return refuse("Transfer-Encoding other than 'chunked' is not supported", 501);
  into.has_coding = true;
  return {};
}

tl::expected<void, fault> note(message_facts& into, const header& field) {
  const auto is = [&](std::string_view name) { return equal_ignoring_case(field.name, name); };
  if (is("content-length")) return note_length(into, field.value);
  if (is("transfer-encoding")) return note_coding(into, field.value);
  if (is("connection")) {
    into.close = into.close || has_token(field.value, "close");
    into.keep_alive = into.keep_alive || has_token(field.value, "keep-alive");
    into.connection_upgrade = into.connection_upgrade || has_token(field.value, "upgrade");
  } else if (is("upgrade")) {
    into.upgrade = true;
  } else if (is("host")) {
    ++into.hosts;
    into.host = field.value;
  } else if (is("expect")) {
    if (!equal_ignoring_case(field.value, "100-continue"))
      return refuse("only '100-continue' can be expected", 417);
    into.expects_continue = true;
  }
  return {};
}

tl::expected<message_facts, fault> facts_of(const std::vector<header>& headers, int minor) {
  message_facts facts;
  for (const auto& field : headers)
    if (auto noted = note(facts, field); !noted) return tl::make_unexpected(noted.error());
  if (facts.has_coding && facts.has_length)
    return refuse("Content-Length and Transfer-Encoding cannot both be given");
  if (facts.has_coding && minor == 0)
    return refuse("Transfer-Encoding cannot be given in HTTP/1.0");
  return facts;
}

bool stays_open(const message_facts& facts, int minor) {
  return minor == 1 ? !facts.close : facts.keep_alive && !facts.close;
}

// Takes the authority out of an absolute target.
tl::expected<void, fault> to_origin_form(request_head& head) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(head.target.substr(0, scheme.size()), scheme)) continue;
    auto rest = head.target.substr(scheme.size());
    const auto path = rest.find_first_of("/?#");
    head.authority = rest.substr(0, path);
    head.target = path == std::string_view::npos ? "/" : rest.substr(path);
  }
  const bool asterisk = head.target == "*" && head.method == "OPTIONS";
  if (!asterisk && head.target.front() != '/')
    return refuse("the request's target must begin with '/'");
  return {};
}

}  // namespace

std::size_t find_head_end(std::string_view bytes, std::size_t from) {
  constexpr std::size_t overlap = 3;
  const auto at = bytes.find("\r\n\r\n", from > overlap ? from - overlap : 0);
  return at == std::string_view::npos ? 0 : at + 4;
}

tl::expected<request_head, fault> parse_request(std::string_view bytes) {
  auto line = take_until(bytes, "\r\n");
  request_head head;
  head.method = take_until(line, " ");
  head.target = take_until(line, " ");
  if (!is_token(head.method) || !is_target_text(head.target))
    return refuse("the request line is malformed");
  head.minor = minor_of(line);
  if (head.minor < 0) return refuse("only HTTP/1.0 and HTTP/1.1 are served here", 505);
  if (head.method == "CONNECT") return refuse("CONNECT is not served here", 501);

  auto headers = parse_headers(bytes);
  if (!headers) return tl::make_unexpected(headers.error());
  head.headers = std::move(*headers);
  const auto facts = facts_of(head.headers, head.minor);
  if (!facts) return tl::make_unexpected(facts.error());
  if (facts->hosts > 1 || (facts->hosts == 0 && head.minor == 1))
    return refuse("Host must be given exactly once");
  head.authority = facts->host;
  if (auto origin = to_origin_form(head); !origin) return tl::make_unexpected(origin.error());

  if (facts->has_coding) head.body.how = framing::kind::chunked;
  if (facts->has_length && facts->length > 0) head.body = {framing::kind::length, facts->length};
  head.keep_alive = stays_open(*facts, head.minor);
  head.expects_continue = facts->expects_continue && head.minor == 1;
  head.upgrade = facts->upgrade && facts->connection_upgrade && head.minor == 1 &&
                 head.body.how == framing::kind::none;
  return head;
}

tl::expected<response_head, fault> parse_response(std::string_view bytes, std::string_view method) {
  auto line = take_until(bytes, "\r\n");
  response_head head;
  head.minor = minor_of(take_until(line, " "));
  const auto code = take_until(line, " ");
  const auto [stop, error] = std::from_chars(code.data(), code.data() + code.size(), head.status);
  const bool three_digits = code.size() == 3 && error == std::errc{} && stop == code.end();
  if (head.minor < 0 || !three_digits || head.status < 100 || !is_field_text(line))
    return refuse("the backend's status line is malformed", 502);
  head.reason = line;

  auto headers = parse_headers(bytes);
  if (!headers) return refuse("the backend answered: " + headers.error().why, 502);
  head.headers = std::move(*headers);
  const auto facts = facts_of(head.headers, head.minor);
  if (!facts) return refuse("the backend answered: " + facts.error().why, 502);

  const bool bodyless = head.status < 200 || head.status == 204 || head.status == 304;
  if (bodyless || method == "HEAD")
    head.body.how = framing::kind::none;
  else if (facts->has_coding)
    head.body.how = framing::kind::chunked;
  else if (facts->has_length)
    head.body = {facts->length == 0 ? framing::kind::none : framing::kind::length, facts->length};
  else
    head.body.how = framing::kind::until_close;
  head.keep_alive = stays_open(*facts, head.minor) && head.body.how != framing::kind::until_close;
  return head;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty())
    if (equal_ignoring_case(trimmed(take_until(list, ",")), token)) return true;
  return false;
}

std::string host_of(std::string_view authority) {
  auto host = authority;
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos) {
    const auto port = host.substr(colon + 1);
    const bool digits =
        std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return {};
    host = host.substr(0, colon);
  }
  if (!host.empty() && host.back() == '.') host.remove_suffix(1);
  std::string made(host);
  std::transform(made.begin(), made.end(), made.begin(), lower);
  const bool valid = std::all_of(made.begin(), made.end(), [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
  });
  return valid ? made : std::string();
}

bool is_idempotent(std::string_view method) {
  for (const std::string_view safe : {"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
    if (method == safe) return true;
  return false;
}

}  // namespace platen::gateway
