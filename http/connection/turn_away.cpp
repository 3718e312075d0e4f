#include "http/connection/turn_away.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace platen::http {
namespace {

constexpr std::size_t queue_limit = 256;
// A client that has not sent its request by then gets the answer anyway.
constexpr int patience_ms = 100;

std::string answer() {
  constexpr std::string_view body =
      R"({"status":"error","message":"too many connections: try again later",)"
      R"("errors":[{"status":503}],"op_time_us":0})";
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
         "Retry-After: 1\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

// Input that is never read makes the system discard the answer when the socket is closed, so what
// has come is read, and a client that is slow to send is given a moment.
void drain(int socket) {
  pollfd wanted{socket, POLLIN, 0};
  std::array<char, 16 * 1024> ignored;
  if (::poll(&wanted, 1, patience_ms) != 1) return;
  constexpr int reads_limit = 64;
  for (int reads = 0; reads < reads_limit; ++reads)
    if (::recv(socket, ignored.data(), ignored.size(), MSG_DONTWAIT) <= 0) return;
}

}  // namespace

turn_away::turn_away() : worker_([this] { work(); }) {}

turn_away::~turn_away() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    queue_.clear();
  }
  changed_.notify_all();
  worker_.join();
}

void turn_away::push(file_descriptor connection) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_ || queue_.size() >= queue_limit) return;
    queue_.push_back(std::move(connection));
  }
  changed_.notify_one();
}

void turn_away::work() {
  const auto text = answer();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    if (ending_) return;
    const auto connection = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    ::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(connection.get(), SHUT_WR);
    drain(connection.get());
    lock.lock();
  }
}

}  // namespace platen::http
