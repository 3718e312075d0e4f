// Everything a client or a backend can make grow, or keep busy, has a bound here.
#pragma once

#include <chrono>
#include <cstddef>

namespace platen::gateway {

struct limits {
  std::size_t connections = 4096;  // of clients, all listeners together; beyond it: closed at once
  std::size_t held = 1024;         // requests and connections waiting for a backend; beyond it: 503
  std::chrono::milliseconds hold{60'000};  // how long each of them waits; then 503

  std::size_t head_bytes = 32 * 1024;         // of a request or a response; beyond it: 431, 502
  std::size_t replay_bytes = 64 * 1024;       // of a request body kept to be sent again
  std::size_t idle_backend_connections = 64;  // kept open to one backend port, by each worker

  std::chrono::milliseconds handshake{10'000};  // of TLS
  std::chrono::milliseconds head{10'000};       // from a head's first byte to its last; then 408
  std::chrono::milliseconds idle{60'000};       // of a client between two requests
  std::chrono::milliseconds stall{60'000};      // a client that neither reads nor sends its body
  std::chrono::milliseconds connect{5'000};     // to a backend
  std::chrono::milliseconds silence{300'000};   // of a backend that is answering; then 504
  std::chrono::milliseconds tunnel{3'600'000};  // without a byte in either direction
  std::chrono::milliseconds backend_idle{
      4'000};                               // an unused backend connection; less than servers'
  std::chrono::milliseconds linger{2'000};  // for a client to read the answer it did not await
  // A backend that vanished is expected to leave the table within this time.
  std::chrono::milliseconds settle{1'000};
};

}  // namespace platen::gateway
