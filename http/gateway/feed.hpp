// Keeps the gateway's table as the control plane wants it: woken by what changes, on a thread of
// its own. What a table is made of is in make_table, which is pure but for the certificates.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "actors/control_plane.hpp"
#include "http/gateway/certificate_store.hpp"
#include "http/gateway/gateway.hpp"

namespace platen::gateway {

// Public ports are those of the API; the gateway listens at public port + offset.
struct built_table {
  table next;
  std::int64_t renew_at_us = 0;       // when a certificate is due; 0: never
  std::vector<std::string> problems;  // one sentence each
};
built_table make_table(const actors::control_plane& from, certificate_store& certificates,
                       std::uint16_t port_offset);

class feed {
 public:
  // Publishes once before it returns. All must outlive it. `warn` gets one sentence; `published` is
  // called behind each table.
  feed(actors::control_plane& from, certificate_store& certificates, actors::certificate_book& book,
       gateway& to, std::uint16_t port_offset, std::function<void(const std::string&)> warn,
       std::function<void()> published);
  ~feed();
  feed(const feed&) = delete;
  feed& operator=(const feed&) = delete;

 private:
  void run();
  void publish();
  void wake();

  actors::control_plane& from_;
  certificate_store& certificates_;
  actors::certificate_book& book_;
  gateway& to_;
  const std::uint16_t port_offset_;
  const std::function<void(const std::string&)> warn_;
  const std::function<void()> published_;
  std::vector<std::string> told_;  // the problems of last time

  std::mutex mutex_;
  std::condition_variable changed_;
  bool due_ = false;
  bool ending_ = false;
  std::int64_t renew_at_us_ = 0;
  std::thread thread_;
};

}  // namespace platen::gateway
