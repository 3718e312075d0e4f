// Tells requests that wait for something else than their client that the client has left.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "http/connection/file_descriptor.hpp"

namespace platen::http {

// Thread-safe. Must outlive its watches. One thread watches over all of them. A client that ends
// its sending side only is taken for one that has left, as by most servers.
class departures {
 public:
  // Stops watching when it is destroyed, which has to be before the connection is closed.
  class watch {
   public:
    watch(departures& by, std::uint64_t id, int socket, std::stop_token left)
        : by_(&by), id_(id), socket_(socket), left_(std::move(left)) {}
    watch(watch&& other) noexcept;
    watch& operator=(watch&& other) = delete;
    ~watch();

    // Asked to stop once the client has left.
    const std::stop_token& left() const { return left_; }

   private:
    departures* by_;
    std::uint64_t id_;
    int socket_;
    std::stop_token left_;
  };

  departures();
  ~departures();
  departures(const departures&) = delete;
  departures& operator=(const departures&) = delete;

  // A connection has one watch at a time.
  watch over(int socket);

 private:
  void run();
  void end(std::uint64_t id, int socket);

  file_descriptor poll_;
  file_descriptor stop_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::stop_source> watched_;
  std::uint64_t last_id_ = 0;
  std::thread thread_;
};

}  // namespace platen::http
