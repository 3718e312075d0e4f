// One client's connection, from its accept to its end.
#pragma once

#include <memory>
#include <string>

#include "http/gateway/forwarding.hpp"
#include "http/gateway/reader.hpp"
#include "http/gateway/watchdog.hpp"
#include "http/gateway/worker.hpp"

namespace platen::gateway {

// What becomes of the client's connection after a request.
enum class afterwards {
  again,   // the next request
  close,   // in order
  linger,  // in order, but the client may still be sending
  cut      // so that the client sees that something is missing
};

class session {
 public:
  session(worker& home, tcp::socket client, std::uint16_t port);
  session(const session&) = delete;
  session& operator=(const session&) = delete;
  ~session();

  // Serves it to its end. `self` keeps the session for as long.
  awaitable<void> run(std::shared_ptr<session> self);

  // ---- for what serves a part of it
  // --------------------------------------------------------------

  worker& home() { return home_; }
  const limits& bounds() const { return home_.bounds(); }
  stream& client() { return client_; }
  reader& incoming() { return incoming_; }
  watchdog& time() { return time_; }
  const client_facts& facts() const { return facts_; }
  const std::string& sni() const { return sni_; }
  // The backend's connection in use is ended together with the client's when time is up.
  void attach(stream* backend) { backend_ = backend; }
  // A byte has come, from either side, of a connection that is passed through.
  void touch() {
    if (carries_ != nullptr) carries_->touch();
  }

  // The listener as it is now; null if it is gone. `of` keeps it.
  const ready_listener* listener_of(const ready_table& of) const;

  // A backend for the group that `domain` names, waited for where one may come.
  struct found_backend {
    picked choice;                             // of kind backend, or why not
    std::shared_ptr<const ready_table> table;  // keeps what choice refers to
    bool known = false;                        // some group has the domain
    bool held_out = false;                     // nobody came in time, or too many are waiting
  };
  awaitable<found_backend> find_backend(const std::string& domain,
                                        const std::vector<std::string>& tried,
                                        std::chrono::steady_clock::time_point until);

  // Null: it does not answer. Otherwise a new connection.
  awaitable<std::unique_ptr<stream>> connect(const backend& to);

 private:
  awaitable<bool> shake_hands();
  awaitable<void> pass_through();
  awaitable<void> end(afterwards how);

  worker& home_;
  std::uint16_t port_;
  stream client_;
  reader incoming_;
  stream* backend_ = nullptr;
  backend_load* carries_ = nullptr;  // while a connection is passed through
  client_facts facts_;
  std::string sni_;
  watchdog time_;
};

// Copies both ways until both have ended or nothing moves for too long. `first`: what the backend
// has sent already, for the client.
awaitable<void> tunnel(session& of, stream& backend, std::string_view first);

// Serves HTTP/1.1 on the connection until it is to end.
awaitable<afterwards> serve_http(session& of);

}  // namespace platen::gateway
