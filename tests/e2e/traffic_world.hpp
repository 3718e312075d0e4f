// A world whose gateway has an address of its own. The simulated hypervisor names ports, one after
// the other from 40000 on; the tests listen there.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "tests/e2e/world.hpp"
#include "tests/http/gateway/backend.hpp"

namespace platen::tests {

class traffic_world : public world {
 public:
  traffic_world() : world({"--hypervisor", "sim", "--gateway", address()}) { start_daemon(); }

  // The gateway's: all of 127.0.0.0/8 is loopback.
  static std::string address() {
    const auto pid = static_cast<unsigned>(getpid());
    return "127." + std::to_string(100 + (pid >> 16U) % 100) + "." +
           std::to_string((pid >> 8U) % 256) + "." + std::to_string(2 + pid % 250);
  }

  // Where an instance's first service is forwarded to.
  static std::uint16_t port_of(const json& instance) {
    const auto place = instance.at("services").at(0).at("address").get<std::string>();
    return static_cast<std::uint16_t>(std::stoi(place.substr(place.find(':') + 1)));
  }

  // The gateway opens a port a moment after the service that wants it is recorded.
  static testing::connection connect_when_it_listens(std::uint16_t port) {
    for (int tries = 0;; ++tries) {
      auto client = testing::connect_to(address(), port);
      if (client || tries == 100) return client;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
};

// A guest that answers every request with one word.
inline testing::backend_server::behaviour saying(const std::string& word) {
  return [word](testing::connection& client) {
    while (testing::receive_request(client))
      client.send(testing::ok(word));
  };
}

}  // namespace platen::tests
