// Keeps the gateway's table as the control plane wants it, and tells the control plane what follows
// from the traffic: who is to be woken, to sleep, or to go, and who has drained. Woken by what
// changes, on a thread of its own. What a table is made of is in make_table, which is pure but for
// the certificates.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "actors/control_plane.hpp"
#include "http/gateway/certificate_store.hpp"
#include "http/gateway/gateway.hpp"
#include "http/gateway/request_counts.hpp"
#include "http/gateway/traffic_watch.hpp"

namespace platen::gateway {

// Public ports are those of the API; the gateway listens at public port + offset.
struct built_table {
  table next;
  std::int64_t renew_at_us = 0;       // when a certificate is due; 0: never
  std::vector<std::string> problems;  // one sentence each
};
// `resting`: running instances that are about to be put to sleep; nothing new is sent to them.
built_table make_table(const actors::control_plane& from, certificate_store& certificates,
                       std::uint16_t port_offset, const std::set<std::string>& resting = {});

class feed {
 public:
  // Publishes once before it returns. All must outlive it. `watch` has made the hooks of `to`.
  // `warn` gets one sentence; `changes` is called before each table is
  // published: who acts on the demand that a table brings knows by then of the groups in it.
  feed(actors::control_plane& from, certificate_store& certificates, actors::certificate_book& book,
       gateway& to, std::shared_ptr<traffic_watch> watch, std::uint16_t port_offset,
       std::function<void(const std::string&)> warn, std::function<void()> changes);
  ~feed();
  feed(const feed&) = delete;
  feed& operator=(const feed&) = delete;

 private:
  void run();
  void publish();
  void keep_watch();
  void wake_groups(const std::map<std::string, bool>& wanted);
  void put_to_sleep();
  void end_used_up();
  void end_drained();
  void count_requests();
  void record_last_counts();
  std::optional<std::chrono::steady_clock::time_point> next_look() const;

  actors::control_plane& from_;
  certificate_store& certificates_;
  actors::certificate_book& book_;
  gateway& to_;
  const std::shared_ptr<traffic_watch> watch_;
  const std::uint16_t port_offset_;
  const std::function<void(const std::string&)> warn_;
  const std::function<void()> changes_;
  // Of the thread, once it runs.
  std::vector<std::string> told_;         // the problems of last time
  std::set<std::string> resting_;         // see make_table; until their order to sleep is answered
  std::set<std::string> ending_up_;       // whose end was asked for
  std::map<std::string, bool> draining_;  // true: it was said that nothing is in flight any more
  bool counts_some_ = false;              // some are to serve a certain number of requests
  bool last_counts_ = false;              // what is not recorded now never is
  std::int64_t renew_at_us_ = 0;
  const std::shared_ptr<request_counts> counts_ = std::make_shared<request_counts>();
  std::thread thread_;
};

}  // namespace platen::gateway
