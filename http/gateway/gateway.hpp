// The gateway: takes the traffic of service groups to their instances. Data plane only: what it
// serves is pushed into it as a table, and it decides nothing but which backend comes next.
//
// Thread-safe. Hooks are called on its worker threads and must not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "http/gateway/limits.hpp"
#include "http/gateway/table.hpp"

namespace platen::gateway {

struct hooks {
  // A group has no backend that can take a request that has just come. Called for each of them; the
  // answer is a table that has one.
  std::function<void(const std::string& group_id)> wake;
  // All of a group's backends are at their soft limit.
  std::function<void(const std::string& group_id)> crowded;
  // An instance got its first request or connection (busy), or finished its last.
  std::function<void(const std::string& instance_id, bool busy)> activity;
  // An instance has got another `count_step` requests.
  std::function<void(const std::string& instance_id)> counted;
};

struct options {
  std::string address = "127.0.0.1";  // numeric, of all listeners
  std::size_t workers = 0;            // threads; 0: one a processor, at most 8
  limits bounds;
  hooks call;
};

// Of one instance, since the gateway first heard of it, and with what it had taken before.
struct load {
  std::string instance_id;
  std::uint32_t in_flight = 0;                      // HTTP requests and passed-through connections
  std::uint64_t taken = 0;                          // of them so far
  std::uint32_t passed_through = 0;                 // of those in flight: connections, not requests
  std::chrono::steady_clock::time_point last_byte;  // on any of these
};

inline std::map<std::string, load> by_instance(std::vector<load> all) {
  std::map<std::string, load> made;
  for (auto& one : all)
    made.emplace(one.instance_id, std::move(one));
  return made;
}

// A listener that could not be opened.
struct problem {
  std::uint16_t port = 0;
  std::string what;
};

class gateway {
 public:
  // The error is one sentence for the operator.
  static tl::expected<std::unique_ptr<gateway>, std::string> start(options how);

  virtual ~gateway() = default;

  // From its return on, new requests are served by this table; requests under way finish as they
  // began. Listeners that cannot be opened are reported, and tried again at the next call.
  virtual std::vector<problem> publish(table next) = 0;

  // Of the instances in the table.
  virtual std::vector<load> loads() const = 0;

  // Closes all listeners and connections. Idempotent.
  virtual void stop() = 0;
};

}  // namespace platen::gateway
