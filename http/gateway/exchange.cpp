#include "http/gateway/exchange.hpp"

namespace platen::gateway {

namespace {

using asio::experimental::awaitable_operators::operator&&;

constexpr std::size_t most_attempts = 5;
constexpr std::size_t write_at_once = 64 * 1024;

void append_chunk(std::string& to, std::string_view data) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string size;
  for (auto left = data.size(); left > 0; left /= 16)
    size.insert(size.begin(), digits[left % 16]);
  to.append(size).append("\r\n").append(data).append("\r\n");
}

std::string unknown_domain(const std::string& domain) {
  return "no service group has the domain '" + domain + "'";
}

constexpr std::string_view last_chunk = "0\r\n\r\n";
constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

awaitable<afterwards> exchange::run() {
  const auto read = co_await read_head();
  if (read) {
    const auto admitted = co_await admit();
    if (admitted) co_await forward();
  }
  if (cut_) co_return afterwards::cut;
  if (linger_) co_return afterwards::linger;
  co_return again_ ? afterwards::again : afterwards::close;
}

// ---- the request -------------------------------------------------------------------------------

awaitable<bool> exchange::read_head() {
  auto& incoming = of_.incoming();
  if (incoming.buffered().empty()) {
    of_.time().allow(of_.bounds().idle);
    const auto ended = co_await incoming.fill();
    again_ = false;
    if (ended) co_return false;
  }
  // Some clients end a body with an empty line too many.
  if (incoming.buffered().starts_with("\r\n")) incoming.take(2);
  auto size = find_head_end(incoming.buffered(), 0);
  if (size == 0) {
    of_.time().allow(of_.bounds().head);
    const auto found = co_await incoming.head();
    if (found.size == 0) {
      co_await refuse_head(found);
      co_return false;
    }
    size = found.size;
  }
  head_bytes_ = incoming.buffered().substr(0, size);
  incoming.take(size);
  auto parsed = parse_request(head_bytes_);
  if (!parsed) {
    linger_ = true;
    const auto refused = parsed.error();
    co_await answer(refused.status, refused.why);
    co_return false;
  }
  head_ = std::move(*parsed);
  again_ = head_.keep_alive;
  incoming.begin(head_.body);
  co_return true;
}

awaitable<void> exchange::refuse_head(reader::found_head found) {
  again_ = false;
  const bool late = of_.time().barked();
  if (found.error && !late) co_return;
  linger_ = !late;
  if (late)
    co_await answer(408, "the request's head did not arrive in time");
  else
    co_await answer(431, "the request's head is too long");
}

// Whom the request is for, and its body if that is kept.
awaitable<bool> exchange::admit() {
  domain_ = host_of(head_.authority);
  const auto table = of_.home().table();
  const auto* listener = of_.listener_of(*table);
  const auto* route = listener == nullptr ? nullptr : listener->find(domain_);
  if (route == nullptr) {
    const auto why = unknown_domain(domain_);
    co_await answer(404, why);
    co_return false;
  }
  if (!of_.sni().empty() && listener->find(of_.sni()) != route) {
    co_await answer(421, "the connection was opened for another domain");
    co_return false;
  }
  if (route->of.redirect_to != 0) {
    const auto port = route->of.redirect_to;
    const auto authority = domain_ + (port == 443 ? "" : ":" + std::to_string(port));
    const auto location = "https://" + authority + std::string(head_.target);
    const auto header = "Location: " + location + "\r\n";
    co_await answer(308, location, header);
    co_return false;
  }
  const bool short_body =
      head_.body.how == framing::kind::none ||
      (head_.body.how == framing::kind::length && head_.body.length <= of_.bounds().replay_bytes);
  streaming_ = !short_body;
  request_ = forwarded_request(head_, of_.facts());
  if (streaming_ || head_.body.how == framing::kind::none) co_return true;
  const auto kept = co_await keep_body();
  co_return kept;
}

awaitable<bool> exchange::keep_body() {
  auto& incoming = of_.incoming();
  if (head_.expects_continue && incoming.buffered().empty()) co_await of_.client().write(go_on);
  while (!incoming.body_done()) {
    of_.time().allow(of_.bounds().stall);
    const auto piece = co_await incoming.piece();
    if (!piece) {
      const bool late = of_.time().barked();
      const std::string why =
          late ? "the request's body did not arrive in time" : piece.error().why;
      co_await answer(late ? 408 : 400, why);
      co_return false;
    }
    request_.append(*piece);
  }
  co_return true;
}

// ---- backends ----------------------------------------------------------------------------------

awaitable<void> exchange::forward() {
  const auto until = std::chrono::steady_clock::now() + of_.bounds().hold;
  std::vector<std::string> tried;
  bool pooled_is_good = replayable();
  for (std::size_t attempts = 0; attempts < most_attempts; ++attempts) {
    of_.time().allow(of_.bounds().hold + of_.bounds().settle);
    const auto found = co_await of_.find_backend(domain_, tried, until);
    if (found.choice.what != picked::kind::backend) {
      co_await refuse(found, !tried.empty());
      co_return;
    }
    const auto& at = found.choice.which->at;
    const auto place = place_of(at);
    auto connection = pooled_is_good ? of_.home().pool().take(place) : nullptr;
    const bool pooled = connection != nullptr;
    if (!pooled) connection = co_await of_.connect(at);
    if (connection == nullptr) {
      tried.push_back(place);
      continue;
    }
    const auto end = co_await try_backend(connection);
    if (end == attempt::answered) {
      if (connection != nullptr && reusable_) of_.home().pool().keep(place, std::move(connection));
      co_return;
    }
    if (!replayable()) break;
    // A kept connection may have ended for its age; that says nothing about the backend.
    pooled_is_good = false;
    if (!pooled) tried.push_back(place);
  }
  co_await answer(502, "the instance ended the connection before it answered");
}

awaitable<void> exchange::refuse(const session::found_backend& found, bool after_attempts) {
  const auto unknown = unknown_domain(domain_);
  if (!found.known)
    co_await answer(404, unknown);
  else if (found.choice.what == picked::kind::full)
    co_await answer(503, "all instances of the service are at their limit of requests",
                    "Retry-After: 1\r\n");
  else if (after_attempts)
    co_await answer(502, "no instance of the service can be reached");
  else if (found.held_out)
    co_await answer(503, "no instance of the service became ready in time", "Retry-After: 1\r\n");
  else
    co_await answer(503, "the service has no running instance", "Retry-After: 1\r\n");
}

awaitable<exchange::attempt> exchange::try_backend(std::unique_ptr<stream>& connection) {
  auto& backend = *connection;
  of_.attach(&backend);
  reader from(backend, of_.bounds().head_bytes);
  of_.time().allow(of_.bounds().silence);
  // A backend that answers without reading it all is heard below.
  co_await backend.write(request_);
  attempt end = attempt::answered;
  if (streaming_) {
    if (head_.expects_continue) co_await of_.client().write(go_on);
    uploading_ = true;
    end = co_await (upload(backend) && respond(backend, from));
  } else {
    end = co_await respond(backend, from);
  }
  of_.attach(nullptr);
  co_return end;
}

awaitable<void> exchange::upload(stream& to) {
  auto& incoming = of_.incoming();
  const bool chunked = head_.body.how == framing::kind::chunked;
  std::string out;
  while (uploading_) {
    of_.time().allow(of_.bounds().stall);
    awaits_client_ = true;
    const auto piece = co_await incoming.piece();
    awaits_client_ = !piece;
    if (!piece) {
      // The response may be over and the rest not wanted; otherwise the backend must not take the
      // part that came for the whole.
      again_ = false;
      if (uploading_) to.cancel();
      co_return;
    }
    out.clear();
    if (chunked && !piece->empty())
      append_chunk(out, *piece);
    else if (chunked)
      out = last_chunk;
    else
      out = *piece;
    const bool last = piece->empty() || (!chunked && incoming.body_done());
    of_.time().allow(of_.bounds().silence);
    const auto failed = co_await to.write(out);
    if (failed) co_return;
    if (last) uploading_ = false;
  }
}

// ---- the response ------------------------------------------------------------------------------

// The status; 0: the client was told of a fault; -1: the backend vanished.
awaitable<int> exchange::read_response_head(reader& from, std::string& bytes, response_head& into) {
  while (true) {
    of_.time().allow(of_.bounds().silence);
    const auto found = co_await from.head();
    if (found.size == 0) {
      const bool late = of_.time().barked();
      if (!late && from.buffered().empty() && found.error) co_return -1;
      if (late && awaits_client_)
        co_await answer(408, "the request's body did not arrive in time");
      else if (late)
        co_await answer(504, "the instance did not answer in time");
      else
        co_await answer(502, "the instance's answer is incomplete or its head too long");
      co_return 0;
    }
    bytes = from.buffered().substr(0, found.size);
    from.take(found.size);
    auto parsed = parse_response(bytes, head_.method);
    const bool unasked = parsed && parsed->status == 101 && !head_.upgrade;
    if (!parsed || unasked) {
      const std::string why =
          unasked ? "the instance switched protocols unasked" : parsed.error().why;
      co_await answer(502, why);
      co_return 0;
    }
    into = std::move(*parsed);
    if (into.status >= 200 || into.status == 101) co_return into.status;
    // The gateway has answered Expect itself; other interim answers are for the client.
    if (into.status == 100 || head_.minor == 0) continue;
    const auto interim = forwarded_response(into, delivery::as_framed, true, 1);
    co_await of_.client().write(interim);
  }
}

void exchange::end_upload(stream& backend) {
  if (!std::exchange(uploading_, false)) return;
  of_.client().cancel();
  backend.cancel();
}

awaitable<exchange::attempt> exchange::respond(stream& backend, reader& from) {
  std::string bytes;
  response_head response;
  const auto status = co_await read_response_head(from, bytes, response);
  if (status < 0) {
    end_upload(backend);
    co_return attempt::vanished;
  }
  if (status == 101) {
    again_ = false;
    const auto head = forwarded_response(response, delivery::as_framed, true, 1);
    const std::string first(from.buffered());
    const auto early = head + first;
    co_await tunnel(of_, backend, early);
  } else if (status > 0) {
    from.begin(response.body);
    const bool unmeasured = response.body.how == framing::kind::chunked ||
                            response.body.how == framing::kind::until_close;
    const bool chunked = unmeasured && head_.minor == 1;
    if ((unmeasured && !chunked) || uploading_) again_ = false;
    auto head = forwarded_response(response, chunked ? delivery::as_framed : delivery::until_close,
                                   again_, head_.minor);
    co_await relay_body(from, head, chunked);
    reusable_ = response.keep_alive && from.body_done() && from.buffered().empty() && !uploading_;
  }
  if (uploading_) {
    // The client has its answer; what it still sends is read and dropped while the connection ends.
    again_ = false;
    linger_ = true;
    end_upload(backend);
  }
  co_return attempt::answered;
}

awaitable<bool> exchange::send(std::string_view bytes) {
  of_.time().allow(of_.bounds().stall);
  const auto failed = co_await of_.client().write(bytes);
  cut_ = cut_ || failed;
  co_return !failed;
}

// Whatever is there goes out in one write, and before anything is waited for.
awaitable<void> exchange::relay_body(reader& from, std::string& out, bool chunked) {
  while (!from.body_done()) {
    auto piece = from.ready_piece();
    if (!piece || out.size() >= write_at_once) {
      const auto sent = co_await send(out);
      if (!sent) co_return;
      out.clear();
    }
    of_.time().allow(of_.bounds().silence);
    if (!piece) piece = co_await from.piece();
    if (!*piece) {
      // What is missing must not look like the end.
      cut_ = true;
      co_return;
    }
    const auto data = **piece;
    if (chunked && !data.empty())
      append_chunk(out, data);
    else
      out.append(data);
  }
  if (chunked) out += last_chunk;
  co_await send(out);
}

awaitable<void> exchange::answer(int status, std::string_view why, std::string_view extra) {
  if (!of_.incoming().body_done()) {
    again_ = false;
    linger_ = true;
  }
  if (linger_) again_ = false;
  const auto text = own_response(status, why, again_, head_.method != "HEAD", extra);
  co_await send(text);
}

// ---- the connection ----------------------------------------------------------------------------

awaitable<afterwards> serve_http(session& of) {
  while (true) {
    exchange next(of);
    const auto then = co_await next.run();
    if (then != afterwards::again) co_return then;
  }
}

}  // namespace platen::gateway
