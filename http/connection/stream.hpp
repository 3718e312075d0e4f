// One connection as the HTTP library reads and writes it, with bounds the library does not have:
// on the size of a request's head and body, on the time they may take, and on a client that does
// not read. Every wait also ends when the server stops.
#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "http/connection/capacity.hpp"
#include "http/connection/file_descriptor.hpp"
#include "http/connection/signal.hpp"
#include "http/server.hpp"

namespace platen::http {

// How the body of a request is bounded.
struct body_bound {
  std::uint64_t bytes = 0;
  // The whole body must arrive within this, ...
  std::optional<std::chrono::milliseconds> total;
  // ... or, for uploads of unknown duration, each part within this.
  std::chrono::milliseconds stall{0};
};

// Used by the connection's own thread only.
class stream : public httplib::Stream {
 public:
  struct peer {
    std::string ip;
    int port = 0;
  };

  stream(file_descriptor socket, const signal& stop, const limits& bounds);
  ~stream() override;

  // The connection the calling thread serves; null outside of one. The library's hooks have no
  // other way to it.
  static stream* of_this_thread();

  // ---- between requests
  // Waits for the first byte of a request; false if there will be none.
  bool await_request();
  // Sends what is left, and gives the client a moment to read it: closing a socket with unread
  // input would make the system discard an answer that is still on its way.
  void close_gently();

  // ---- within a request
  // What is written from now on is sent together by send_held(), so that head and body of an answer
  // are one packet and wake the client once. Not for answers that come piece by piece.
  void hold_answer() { holding_ = true; }
  // False if the client cannot be sent it.
  bool send_held();
  void begin_head();
  void begin_body(body_bound bound);
  std::uint64_t body_bytes_read() const { return body_read_; }
  // The last read ended because the head or body exceeded its bound.
  bool exceeded() const { return exceeded_; }
  // No further request is read from this connection.
  void close_after_answer() { closing_ = true; }
  bool closing() const { return closing_; }

  int descriptor() const { return socket_.get(); }
  const signal& stop_signal() const { return stop_; }

  // ---- for the library
  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* ptr, size_t size) override;
  ssize_t write(const char* ptr, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_.get(); }

 private:
  using clock = std::chrono::steady_clock;

  bool fill();
  bool send_all(const char* bytes, std::size_t size) const;
  clock::time_point read_deadline() const;

  file_descriptor socket_;
  const signal& stop_;
  const limits& bounds_;
  const peer remote_;
  const peer local_;

  std::array<char, 16 * 1024> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;

  body_bound bound_;         // of what is being read, head or body
  clock::time_point began_;  // reading it
  std::uint64_t left_ = 0;   // bytes of it that may still be read
  std::uint64_t body_read_ = 0;
  bool in_body_ = false;
  bool exceeded_ = false;
  bool closing_ = false;
  bool holding_ = false;
  std::string held_;
};

}  // namespace platen::http
