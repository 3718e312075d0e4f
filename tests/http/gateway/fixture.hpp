// A gateway on an address of this test's own, with one group "demo.test".
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>

#include "backend.hpp"
#include "http/gateway/gateway.hpp"

namespace platen::testing {

// 127.0.0.0/8 is all loopback: tests that run at the same time do not meet.
inline std::string own_address() {
  const auto pid = static_cast<unsigned>(getpid());
  return "127." + std::to_string(1 + (pid >> 16U) % 254) + "." + std::to_string((pid >> 8U) % 256) +
         "." + std::to_string(2 + pid % 250);
}

struct gateway_fixture {
  explicit gateway_fixture(gateway::limits bounds = {}, gateway::hooks call = {}) {
    gateway::options how;
    how.address = address;
    how.workers = 2;
    how.bounds = bounds;
    how.call = std::move(call);
    auto started = gateway::gateway::start(std::move(how));
    REQUIRE(started);
    under_test = std::move(*started);
  }

  static gateway::route route_to(const std::vector<std::uint16_t>& ports) {
    gateway::route made;
    made.group_id = "group";
    made.domains = {"demo.test"};
    for (const auto one : ports)
      made.backends.push_back({"instance-" + std::to_string(one), "127.0.0.1", one, false});
    return made;
  }

  void publish(gateway::protocol speaks, std::vector<gateway::route> routes,
               std::vector<gateway::certificate> certificates = {}) {
    gateway::table next;
    next.listeners.push_back({443, port, speaks, std::move(routes)});
    next.certificates = std::move(certificates);
    const auto problems = under_test->publish(std::move(next));
    REQUIRE(problems.empty());
  }

  connection connect() const { return connect_to(address, port); }

  std::string address = own_address();
  std::uint16_t port = free_port(address);
  std::unique_ptr<gateway::gateway> under_test;
};

inline std::string get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: demo.test\r\n" + headers + "\r\n";
}

}  // namespace platen::testing
