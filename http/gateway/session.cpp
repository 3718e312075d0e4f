#include "http/gateway/session.hpp"

#include <algorithm>

namespace platen::gateway {

namespace {

using asio::experimental::awaitable_operators::operator&&;

constexpr std::size_t tunnel_buffer = 16 * 1024;
constexpr std::size_t most_attempts = 4;

// A place among the requests that are held, given back at its end.
class held_place {
 public:
  explicit held_place(std::atomic<std::size_t>& count) : count_(count) {}
  held_place(const held_place&) = delete;
  held_place& operator=(const held_place&) = delete;
  ~held_place() {
    if (taken_) count_.fetch_sub(1);
  }
  // False: there are too many.
  bool take(std::size_t limit) {
    if (taken_) return true;
    taken_ = count_.fetch_add(1) < limit;
    if (!taken_) count_.fetch_sub(1);
    return taken_;
  }

 private:
  std::atomic<std::size_t>& count_;
  bool taken_ = false;
};

awaitable<void> copy(session& of, stream& from, stream& to, std::string_view first) {
  auto error = error_code();
  if (!first.empty()) error = co_await to.write(first);
  std::string buffer(tunnel_buffer, '\0');
  while (!error) {
    of.time().allow(of.bounds().tunnel);
    const auto read = co_await from.read_some(buffer.data(), buffer.size());
    of.touch();
    error = read.error;
    if (error) break;
    error = co_await to.write(std::string_view(buffer).substr(0, read.count));
  }
  // An end in one direction leaves the other open; a broken connection ends both.
  if (error == asio::error::eof) {
    to.finish_sending();
  } else {
    from.cancel();
    to.cancel();
  }
}

}  // namespace

session::session(worker& home, tcp::socket client, std::uint16_t port)
    : home_(home),
      port_(port),
      client_(std::move(client)),
      incoming_(client_, home.bounds().head_bytes),
      time_(home.context(), [this] {
        client_.cancel();
        if (backend_ != nullptr) backend_->cancel();
      }) {
  error_code ignored;
  facts_.address = client_.socket().remote_endpoint(ignored).address().to_string();
}

session::~session() {
  home_.common().connections.fetch_sub(1);
}

const ready_listener* session::listener_of(const ready_table& of) const {
  const auto found = of.listeners.find(port_);
  return found == of.listeners.end() ? nullptr : &found->second;
}

awaitable<void> session::run(std::shared_ptr<session> self) {
  const auto table = home_.table();
  const auto* listener = listener_of(*table);
  if (listener == nullptr) co_return;
  const auto speaks = listener->speaks;
  if (speaks == protocol::tls || speaks == protocol::https) {
    const auto shaken = co_await shake_hands();
    if (!shaken) co_return;
  }
  if (speaks == protocol::tcp || speaks == protocol::tls) {
    co_await pass_through();
  } else {
    const auto then = co_await serve_http(*self);
    co_await end(then);
  }
  client_.close();
}

awaitable<bool> session::shake_hands() {
  // Kept for the handshake: the choice refers to it.
  const auto table = home_.table();
  const auto* listener = listener_of(*table);
  if (listener == nullptr) co_return false;
  tls_acceptor::choice by{&listener->certificates, listener->without_name(), {}};
  time_.allow(bounds().handshake);
  const auto shaken = co_await client_.accept_tls(home_.tls(), by);
  sni_ = by.name;
  // Without a name only one group can be meant.
  if (sni_.empty() && listener->speaks == protocol::tls && !listener->by_domain.empty())
    sni_ = listener->by_domain.begin()->first;
  facts_.tls = true;
  co_return shaken;
}

awaitable<void> session::pass_through() {
  const auto until = std::chrono::steady_clock::now() + bounds().hold;
  std::vector<std::string> tried;
  while (tried.size() < most_attempts) {
    time_.allow(bounds().hold + bounds().settle);
    const auto found = co_await find_backend(sni_, tried, until);
    if (found.choice.what != picked::kind::backend) break;
    const auto backend = co_await connect(found.choice.which->at);
    if (backend == nullptr) {
      tried.push_back(place_of(found.choice.which->at));
      continue;
    }
    const passed_through counted(found.choice.which->load);
    carries_ = found.choice.which->load.get();
    co_await tunnel(*this, *backend, {});
    carries_ = nullptr;
    break;
  }
}

awaitable<session::found_backend> session::find_backend(
    const std::string& domain, const std::vector<std::string>& tried,
    std::chrono::steady_clock::time_point until) {
  const auto& call = home_.common().call;
  held_place place(home_.common().held);
  found_backend found;
  while (true) {
    found.table = home_.table();
    const auto* listener = listener_of(*found.table);
    const auto* route = listener == nullptr ? nullptr : listener->find(domain);
    found.known = route != nullptr;
    if (route == nullptr) break;
    found.choice = pick(*route, tried, call);
    if (found.choice.crowded && call.crowded) call.crowded(route->of.group_id);
    if (found.choice.what != picked::kind::none) break;
    const bool may_come = route->of.may_come;
    if (!may_come && tried.empty()) break;
    if (may_come && call.wake) call.wake(route->of.group_id);
    found.held_out = !place.take(bounds().held);
    if (found.held_out) break;
    // Without a hope, only what was found dead is given the time to leave the table.
    const auto settled = std::chrono::steady_clock::now() + bounds().settle;
    const auto changed =
        co_await home_.table_change(found.table, may_come ? until : std::min(until, settled));
    found.held_out = !changed;
    if (!changed) break;
  }
  co_return found;
}

awaitable<std::unique_ptr<stream>> session::connect(const backend& to) {
  error_code error;
  const auto address = asio::ip::make_address(to.address, error);
  if (error) co_return nullptr;
  auto made = std::make_unique<stream>(tcp::socket(home_.context()));
  attach(made.get());
  time_.allow(bounds().connect);
  const auto [refused] =
      co_await made->socket().async_connect(tcp::endpoint(address, to.port), as_value);
  attach(nullptr);
  if (refused) co_return nullptr;
  made->socket().set_option(tcp::no_delay(true), error);
  co_return made;
}

awaitable<void> session::end(afterwards how) {
  error_code ignored_error;
  if (how == afterwards::cut)
    client_.socket().set_option(asio::socket_base::linger(true, 0), ignored_error);
  else
    client_.finish_sending();
  if (how != afterwards::linger) co_return;
  time_.allow(bounds().linger);
  std::string ignored(tunnel_buffer, '\0');
  while (!time_.barked()) {
    const auto read = co_await client_.read_some(ignored.data(), ignored.size());
    if (read.error) break;
  }
}

awaitable<void> tunnel(session& of, stream& backend, std::string_view first) {
  of.attach(&backend);
  const std::string from_client(of.incoming().buffered());
  of.incoming().take(from_client.size());
  co_await (copy(of, of.client(), backend, from_client) && copy(of, backend, of.client(), first));
  of.attach(nullptr);
}

}  // namespace platen::gateway
